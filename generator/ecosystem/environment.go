package ecosystem

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

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
		if list := secretWords(of.words); len(list) > 0 {
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
