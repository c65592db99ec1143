package ecosystem

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// defaults fills in what PM2 does where an attribute is absent.
func (a *appReader) defaults() {
	a.app.Instances = Count{N: 1}
	a.app.Restart = true
	a.app.MaxRestarts = 16
	a.app.MinUptime = time.Second
	a.app.KillTimeout = 1600 * time.Millisecond
	a.app.DrainTimeout = 30 * time.Second
	a.app.Dir = a.source.root
}

func (a *appReader) name(v value) { a.app.Name = v.text }

func (a *appReader) script(v value) { a.given.script = v.text }

func (a *appReader) args(v value) { a.app.Args = a.words(v) }

func (a *appReader) nodeArgs(v value) { a.given.nodeArgs = a.words(v) }

// words returns a list of arguments, which a file gives as a list or a string.
func (a *appReader) words(v value) []string {
	if v.kind == String {
		return splitWords(v.text)
	}
	return a.strings(v)
}

// strings returns the elements of a list as strings.
func (a *appReader) strings(v value) []string {
	var out []string
	for i, e := range v.list {
		switch e.kind {
		case String, Number, Boolean:
			out = append(out, e.text)
		default:
			a.problemOn(fmt.Sprintf("%s[%d]", a.key, i), e.show()+" is not a string", "write a string in quotes")
		}
	}
	return out
}

func (a *appReader) interpreter(v value) {
	switch base := path.Base(v.text); {
	case strings.HasPrefix(v.text, "~"):
		a.home(v)
	case strings.HasPrefix(base, "node@"):
		a.problem(v.show()+" is a Node of nvm, which no unit can find", `write its path, such as "/opt/node-`+strings.TrimPrefix(base, "node@")+`/bin/node"`)
	default:
		a.given.interpreter = v.text
	}
}

func (a *appReader) cwd(v value) {
	if strings.HasPrefix(v.text, "~") {
		a.home(v)
		return
	}
	a.app.Dir = a.resolve(a.source.root, v.text)
}

// home refuses a path with a tilde: the home of the person who ran pm2 is not
// that of the account that the unit runs as.
func (a *appReader) home(v value) {
	a.problem(v.show()+" is below the home of whoever runs PM2, which a unit does not know", "write an absolute path")
}

// resolve makes a path absolute.
func (a *appReader) resolve(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

func (a *appReader) execMode(v value) {
	switch v.text {
	case "cluster", "cluster_mode":
		a.given.mode = "cluster"
	case "fork", "fork_mode":
		a.given.mode = "fork"
	default:
		a.problem(v.show()+" is not a mode", `write "cluster" or "fork"`)
	}
}

func (a *appReader) executeCommand(v value) {
	if v.truthy {
		a.given.mode = "fork"
	}
}

func (a *appReader) port(v value) {
	if v.number != math.Trunc(v.number) || v.number > 65535 {
		a.problem(v.show()+" is not a port", "write a number from 1 to 65535")
		return
	}
	a.given.port = strconv.FormatFloat(v.number, 'f', 0, 64)
}

// instances follows PM2 letter by letter: a string that is no number counts as
// max, and so does 0.
func (a *appReader) instances(v value) {
	n := v.number
	if v.kind == String {
		n = 0
		if digits := leadingInt.FindString(v.text); digits != "" {
			n, _ = strconv.ParseFloat(digits, 64)
		} else if v.text != "max" && v.text != "" {
			a.note(Differently, `%s means "max", as in PM2`, v.show())
		}
	}
	n = math.Trunc(n)
	const most = 1024
	if math.Abs(n) > most {
		a.problem(fmt.Sprintf("%s are more than %d", v.show(), most), `write "max" for one per CPU`)
		return
	}
	a.given.count = &n
	a.app.Instances = Count{PerCPU: n <= 0, N: int(n)}
}

func (a *appReader) instanceVar(v value) { a.app.InstanceVar = v.text }

func (a *appReader) mergeLogs(v value) { a.given.merge = &v.truthy }

func (a *appReader) environment(v value) { a.given.base = a.variables(v, false) }

// variables reads the variables of env, or of a block env_<name>.
func (a *appReader) variables(v value, block bool) []Variable {
	var out []Variable
	for _, f := range v.fields {
		text := f.value.text
		switch f.value.kind {
		case Other:
			a.problemOn(a.key+"."+f.key, f.value.show()+" is not a value", "write a string in quotes")
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
		out = append(out, Variable{f.key, text})
	}
	return out
}

// blocks reads the keys that begin with env_.
func (a *appReader) blocks(v value) {
	found := false
	for _, f := range v.fields {
		name, ok := strings.CutPrefix(f.key, "env_")
		if !ok || f.value.kind == Absent {
			continue
		}
		a.key = f.key
		switch {
		case f.value.kind == String && name == a.env:
			a.note(Refused, "PM2 loads nothing from a string")
			found = true
		case f.value.kind == String && name == "file":
			a.note(NotYet, `PM2 takes it for an environment called "file" and loads nothing`)
		case f.value.kind != Object && f.value.kind != String:
			a.problem(f.value.show()+" is not an object", "write { … }")
		case name != a.env || a.env == "":
			a.note(NotChosen, "gopm-gen --env %s takes it", name)
		default:
			found = true
			if a.plain(a.key, f.value) {
				a.given.block = a.variables(f.value, true)
			}
		}
	}
	if a.env != "" && !found {
		a.noteOn("env_"+a.env, NotChosen, "this app has none")
	}
}

func (a *appReader) outFile(v value) { a.given.out = a.logPath(v) }

func (a *appReader) errorFile(v value) { a.given.err = a.logPath(v) }

func (a *appReader) logPath(v value) string {
	if strings.HasPrefix(v.text, "~") {
		a.home(v)
	}
	return v.text
}

func (a *appReader) logDateFormat(v value) {
	if a.app.LogDateFormat == "" {
		a.app.LogDateFormat = v.text
	}
}

func (a *appReader) time(v value) {
	if v.truthy {
		a.app.LogDateFormat = "YYYY-MM-DDTHH:mm:ss"
	}
}

func (a *appReader) autorestart(v value) { a.app.Restart = v.truthy }

func (a *appReader) maxRestarts(v value) {
	a.app.MaxRestarts = int(min(v.number, math.MaxInt32))
	if v.number < 1 {
		// StartLimitBurst=0 would switch the limit off: the opposite of what is meant.
		a.app.MaxRestarts = 1
		a.note(Differently, "PM2 drops the 0 and takes 16; here the first failure is the last")
	}
}

func (a *appReader) minUptime(v value) {
	a.app.MinUptime = v.duration()
	if a.app.MinUptime == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 1000; here no start counts as unstable and restarts never end")
	}
}

func (a *appReader) restartDelay(v value) { a.app.RestartDelay = v.duration() }

func (a *appReader) maxMemory(v value) { a.app.MemoryLimit = v.bytes() }

func (a *appReader) waitReady(v value) { a.app.WaitReady = v.truthy }

func (a *appReader) listenTimeout(v value) {
	a.app.ListenTimeout = v.duration()
	if a.app.ListenTimeout == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 3000; here it leaves the default of 90 s")
		return
	}
	a.note(Differently, "PM2 takes a worker for ready after it; here the start has failed")
}

func (a *appReader) killTimeout(v value) {
	a.app.KillTimeout = v.duration()
	if a.app.KillTimeout == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 1600; here SIGKILL follows SIGINT at once")
	}
}

func (a *appReader) user(v value) { a.app.User = a.account(v) }

func (a *appReader) group(v value) { a.app.Group = a.account(v) }

// account is the name or the number of a user or group.
var account = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.-]{0,30}|[0-9]{1,10})$`)

func (a *appReader) account(v value) string {
	if !account.MatchString(v.text) {
		a.problem(v.show()+" is not the name of an account", `write the name of a user or group, such as "www-data"`)
	}
	return v.text
}

func (a *appReader) postUpdate(v value) {
	a.app.UpdateCommands = a.strings(v)
	if strings.HasSuffix(a.source.base, ".js") || strings.HasSuffix(a.source.base, ".cjs") {
		a.note(Differently, "PM2 itself never runs it from a .config.js file")
	}
}

func (a *appReader) own(v value) {
	key := a.key
	a.table(OwnAttributes(), v, key+".")
	a.key = key
}

func (a *appReader) listen(v value) {
	list := []value{v}
	if v.kind == Array {
		list = v.list
	}
	for i, e := range list {
		switch e.kind {
		case Number, String:
			a.app.Ports = append(a.app.Ports, Port{e.text, a.key})
		default:
			a.problemOn(fmt.Sprintf("%s[%d]", a.key, i), e.show()+" is not an address", `write a port, or an address such as "127.0.0.1:3000"`)
		}
	}
}

func (a *appReader) drainTimeout(v value) { a.app.DrainTimeout = v.duration() }
