package ecosystem

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gopm/gopm/generator/secret"
)

func (a *appReader) environment(v value) { a.given.base = a.variables(v, false) }

// variables reads the variables of env, or of a block env_<name>.
func (a *appReader) variables(v value, block bool) []Variable {
	var out []Variable
	for _, f := range v.fields {
		text := f.value.text
		switch f.value.kind {
		case Other:
			a.noteOn(a.key+"."+f.key, Refused, "%s is not a value", f.value.show())
			continue
		case Array, Object:
			if block {
				a.noteOn(a.key+"."+f.key, Refused, "PM2 drops objects in an env_ block")
				continue
			}
			text = f.value.json()
		case Absent:
			if text == "undefined" {
				continue
			}
		}
		out = append(out, Variable{Name: f.key, Value: text, Secret: secret.Is(f.key, text)})
	}
	return out
}

// blocks reads the keys that begin with env_.
func (a *appReader) blocks(v value) {
	found := false
	if a.env != "" && a.deployed.kind == Object {
		found = true
		a.key = "deploy." + a.env + ".env"
		if a.plain(a.key, a.deployed) {
			a.given.block = a.variables(a.deployed, true)
			a.note(Differently, "--env takes it, over env, as PM2 does")
		}
	}
	for _, f := range v.fields {
		name, ok := strings.CutPrefix(f.key, "env_")
		if !ok || f.value.kind == Absent || name == "file" && f.value.kind != Object {
			continue
		}
		a.key = f.key
		switch {
		case f.value.kind == String && name == a.env:
			a.note(Refused, "PM2 loads nothing from a string")
			found = true
		case f.value.kind != Object && f.value.kind != String:
			a.problem(f.value.show()+" is not an object", "write { … }")
		case name != a.env || a.env == "":
			a.note(NotChosen, "gopm-gen --env %s takes it", name)
		default:
			found = true
			if a.plain(a.key, f.value) {
				a.given.block = append(a.given.block, a.variables(f.value, true)...)
			}
		}
	}
	a.without = a.env != "" && !found
}

func (a *appReader) envFile(v value) { a.envFiles(v, "-") }

// envFiles adds files with variables; systemd takes a minus for "if it is there".
func (a *appReader) envFiles(v value, optional string) {
	if v.kind == Object { // env_file: {…} is an environment called "file"
		return
	}
	list := v.elements()
	for i, e := range list {
		if e.kind != String || e.text == "" {
			a.problemIn(i, e.show()+" is not the name of a file", `write the path of a file with lines NAME=value, such as ".env"`)
			continue
		}
		a.given.envFiles = append(a.given.envFiles, optional+e.text)
	}
	if optional != "" && len(list) > 0 {
		a.note(Differently, "PM2 reads nothing of it; here systemd reads its lines NAME=value, below env")
	}
}

// mergeVariables merges port over env, and the chosen block over both.
func (a *appReader) mergeVariables() {
	merged := map[string]Variable{}
	if interpreter, _ := a.pm2["exec_interpreter"].(string); strings.Contains(interpreter, "python") {
		merged["PYTHONUNBUFFERED"] = Variable{Name: "PYTHONUNBUFFERED", Value: "1"} // as PM2 does
	}
	for _, v := range a.given.base {
		merged[v.Name] = v
	}
	if a.given.port != "" {
		merged["PORT"] = Variable{Name: "PORT", Value: a.given.port}
	}
	for _, v := range a.given.block {
		merged[v.Name] = v
	}
	var secrets, attributes []string
	for name, v := range merged {
		a.app.Variables = append(a.app.Variables, v)
		if v.Secret {
			secrets = append(secrets, name)
		}
		if overrides[name] {
			attributes = append(attributes, name)
		}
	}
	slices.SortFunc(a.app.Variables, func(x, y Variable) int { return strings.Compare(x.Name, y.Name) })
	if len(secrets) > 0 {
		slices.Sort(secrets)
		a.noteOn("env", Differently, "%s: secret, so in a file that only root reads; everyone can read a unit", strings.Join(secrets, ", "))
	}
	if len(attributes) > 0 {
		slices.Sort(attributes)
		a.noteOn("env", Differently, "%s: a variable and no more; PM2 takes it for the attribute of that name too", strings.Join(attributes, ", "))
	}
}

// openSecrets tells which secrets everyone can read all the same.
func (a *appReader) openSecrets() {
	for _, of := range []struct {
		key   string
		words []string
	}{{"args", a.app.Args}, {"node_args", a.given.nodeArgs}, {"script", strings.Fields(a.given.script)}} {
		if list := secret.Words(of.words); len(list) > 0 {
			a.noteOn(of.key, Differently, "%s: looks secret, and everyone can read a unit, as they can the arguments of a process; env is the place for it", strings.Join(list, ", "))
		}
	}
}

// overrides are the attributes that PM2 also reads from the variables of an app.
var overrides = map[string]bool{
	"name": true, "namespace": true, "instances": true, "exec_mode": true, "watch": true, "autorestart": true,
	"kill_timeout": true, "max_memory_restart": true, "max_restarts": true, "min_uptime": true, "restart_delay": true,
	"listen_timeout": true, "wait_ready": true, "cron_restart": true, "treekill": true, "pmx": true, "args": true,
}

// increment finds the first value of the variable that each instance counts up.
func (a *appReader) increment() {
	if a.given.increment == "" {
		return
	}
	inc := &Increment{Name: a.given.increment}
	for _, v := range a.app.Variables {
		if v.Name == inc.Name {
			// PM2 adds to Number(value) || 0.
			if n, err := strconv.ParseFloat(strings.TrimSpace(v.Value), 64); err == nil && n == math.Trunc(n) && math.Abs(n) < math.MaxInt32 {
				inc.Base = int(n)
			}
		}
	}
	a.app.Increment = inc
}
