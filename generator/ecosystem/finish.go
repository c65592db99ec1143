package ecosystem

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// leadingInt is what parseInt reads of a string.
var leadingInt = regexp.MustCompile(`^\s*[+-]?\d+`)

// finish settles what depends on more than one attribute.
func (a *appReader) finish() {
	if a.given.script == "" {
		a.problemOn("", "has no script", `write script: "./index.js"`)
		return
	}
	if a.app.Name == "" || a.app.Name == "undefined" {
		base := path.Base(a.given.script)
		a.app.Name = strings.TrimSuffix(base, path.Ext(base))
		a.app.Place += " " + quoted(a.app.Name)
	}
	a.program()
	a.mergeVariables()
	a.findPort()
	a.logs()
	a.restarts()
	if !a.app.Cluster {
		a.withoutActivator()
	}
}

// program settles what is run, and in which mode.
func (a *appReader) program() {
	script := a.given.script
	switch {
	case strings.ContainsAny(script, " \t"):
		a.shellLine(script)
	case a.isCommand(script):
		a.command(script)
	default:
		a.scriptFile(a.resolve(a.app.Dir, script))
	}
}

// shellLine runs a script with a blank in it as PM2 does: as a line for bash.
func (a *appReader) shellLine(line string) {
	a.app.Program, a.app.ProgramArgs = "bash", []string{"-c", line}
	if len(a.app.Args) > 0 {
		a.noteOn("args", Refused, "script has a space and is a line for bash, without args, as in PM2")
		a.app.Args = nil
	}
	if a.given.mode == "cluster" {
		a.noteOn("exec_mode", Differently, "script has a space and is a line for bash: fork mode, as in PM2")
	}
}

// isCommand reports whether a script names a program in PATH, such as npm: a
// bare word that is not a file of the app.
func (a *appReader) isCommand(script string) bool {
	if strings.Contains(script, "/") || path.Ext(script) != "" {
		return false
	}
	if a.given.interpreter != "" && a.given.interpreter != "none" {
		return false
	}
	_, err := fs.Stat(a.source.files, strings.TrimPrefix(a.source.now(path.Join(a.app.Dir, script)), "/"))
	return err != nil
}

// command runs a program in PATH. Such a program starts the app as its own
// child, and a child of a worker has no part in the worker's ports.
func (a *appReader) command(name string) {
	a.app.Program = name
	if a.given.mode == "cluster" || a.given.mode == "" && a.clusterByCount() {
		a.noteOn("script", Differently, "%s starts the app as a child, which cannot share a port: fork mode", name)
	}
}

// scriptFile runs a file with its interpreter.
func (a *appReader) scriptFile(script string) {
	interpreter, byExtension := a.given.interpreter, false
	if interpreter == "" {
		interpreter, byExtension = a.byExtension(script), true
	}
	if strings.Contains(interpreter, "/") {
		interpreter = a.resolve(a.app.Dir, interpreter)
	}
	a.app.Program, a.app.ProgramArgs = interpreter, append(slices.Clone(a.given.nodeArgs), script)
	if interpreter == "none" {
		a.app.Program, a.app.ProgramArgs = script, nil
	}
	base := path.Base(interpreter)
	nodeLike := strings.HasSuffix(base, "node") || strings.HasSuffix(base, "bun")
	switch {
	case a.given.mode == "fork":
	case a.given.mode == "cluster":
		a.app.Cluster = a.canCluster(base)
		if !byExtension {
			a.noteOn("exec_interpreter", Differently, "PM2 ignores it in cluster mode; here it counts")
		}
	case nodeLike && a.clusterByCount():
		if base == "bun" && *a.given.count == 1 {
			a.noteOn("instances", Differently, "cluster mode in PM2; here one Bun runs in fork mode")
			return
		}
		a.app.Cluster = a.canCluster(base)
		a.noteOn("instances", Differently, "without exec_mode it means cluster mode, as in PM2")
	}
}

// clusterByCount reports whether PM2 takes the number of instances for a wish
// for cluster mode: any from 1, and 0 and -1, but not -2.
func (a *appReader) clusterByCount() bool {
	return a.given.count != nil && *a.given.count >= -1
}

// canCluster refuses interpreters that do not speak Node's cluster protocol.
func (a *appReader) canCluster(interpreter string) bool {
	others := []string{"none", "bash", "sh", "python", "python3", "ruby", "php", "perl", "coffee", "lsc"}
	switch {
	case interpreter == "bun":
		a.problemOn("exec_mode", "Bun cannot share a port between workers", `write interpreter: "node", or exec_mode: "fork"`)
	case slices.Contains(others, interpreter):
		a.problemOn("exec_mode", quoted("cluster")+" needs Node, and the interpreter is "+quoted(interpreter), `write exec_mode: "fork"`)
	default:
		return true
	}
	return false
}

// byExtension returns the interpreter that PM2 takes for a script.
func (a *appReader) byExtension(script string) string {
	switch path.Ext(script) {
	case ".sh":
		return "bash"
	case ".py":
		return "python3"
	case ".rb":
		return "ruby"
	case ".php":
		return "php"
	case ".pl":
		return "perl"
	case ".coffee":
		return "coffee"
	case ".ls":
		return "lsc"
	case ".ts", ".tsx":
		a.noteOn("script", Differently, `PM2 takes bun where it is installed, else node; here bun unless interpreter: "node"`)
		return "bun"
	case ".js", ".mjs", ".cjs":
		return "node"
	}
	if a.isBinary(script) {
		return "none"
	}
	return "node"
}

// isBinary reports whether a file has a NUL among its first bytes, which is how
// PM2 tells a program from a script.
func (a *appReader) isBinary(script string) bool {
	f, err := a.source.files.Open(strings.TrimPrefix(a.source.now(script), "/"))
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := f.Read(head)
	return err == nil && slices.Contains(head[:n], 0)
}

// mergeVariables merges port over env, and the chosen block over both.
func (a *appReader) mergeVariables() {
	merged := map[string]string{}
	for _, v := range a.given.base {
		merged[v.Name] = v.Value
	}
	if a.given.port != "" {
		merged["PORT"] = a.given.port
	}
	for _, v := range a.given.block {
		merged[v.Name] = v.Value
	}
	var secrets []string
	for name, text := range merged {
		a.app.Variables = append(a.app.Variables, Variable{name, text})
		if secret.MatchString(name) && text != "" {
			secrets = append(secrets, name)
		}
	}
	slices.SortFunc(a.app.Variables, func(x, y Variable) int { return strings.Compare(x.Name, y.Name) })
	if len(secrets) > 0 {
		slices.Sort(secrets)
		a.noteOn("env", Differently, "%s: anyone on the machine can read a unit; systemctl edit with EnvironmentFile= keeps a secret", strings.Join(secrets, ", "))
	}
}

// secret is a name that people give to what others should not read.
var secret = regexp.MustCompile(`(?i)secret|passw|token|private_?key|api_?key`)

// findPort looks for the port where nothing more explicit names one: port, PORT
// in the environment, then the arguments.
func (a *appReader) findPort() {
	if len(a.app.Ports) > 0 {
		return
	}
	for _, v := range a.app.Variables {
		if v.Name != "PORT" {
			continue
		}
		key := "env.PORT"
		if a.given.port == v.Value {
			key = "port"
		}
		if isPort(v.Value) || strings.HasPrefix(v.Value, "/") {
			a.app.Ports = []Port{{v.Value, key}}
			return
		}
		if a.app.Cluster {
			a.noteOn(key, Refused, "%s is not a port, so no socket unit comes of it", quoted(v.Value))
		}
	}
	for i, arg := range a.app.Args {
		for _, flag := range []string{"--port=", "-p=", "-p"} {
			if port, ok := strings.CutPrefix(arg, flag); ok && isPort(port) {
				a.app.Ports = []Port{{port, "args"}}
				return
			}
		}
		if (arg == "--port" || arg == "-p") && i+1 < len(a.app.Args) && isPort(a.app.Args[i+1]) {
			a.app.Ports = []Port{{a.app.Args[i+1], "args"}}
			return
		}
	}
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// numbered is a log file that already has a number, which PM2 replaces.
var numbered = regexp.MustCompile(`-\d+\.log$`)

// logs settles where the output goes.
func (a *appReader) logs() {
	merged := !a.app.Cluster && (a.given.count == nil || *a.given.count == 0)
	if a.given.merge != nil {
		merged = *a.given.merge
	}
	a.app.Output = a.log(a.given.out, merged)
	a.app.Errors = a.log(a.given.err, merged)
	if a.app.Output.Path != "" {
		a.noteOn("out_file", Differently, "journalctl shows nothing of it; leave the key out and the journal has it, with times, limits and search")
	}
	if a.app.Errors.Path != "" {
		a.noteOn("error_file", Differently, "journalctl shows nothing of it; leave the key out and the journal has it")
	}
}

func (a *appReader) log(name string, merged bool) Log {
	switch {
	case name == "":
		return Log{}
	case name == "/dev/null" || name == "NULL":
		return Log{Discard: true}
	}
	full := a.resolve(a.app.Dir, name)
	if merged || !strings.HasSuffix(full, ".log") {
		return Log{Path: full}
	}
	stem := strings.TrimSuffix(full, ".log")
	if at := numbered.FindStringIndex(full); at != nil {
		stem = full[:at[0]]
	}
	return Log{Path: stem, Suffix: ".log", PerInstance: true}
}

// restarts tells where PM2's own counting would surprise.
func (a *appReader) restarts() {
	if a.app.Restart && a.app.RestartDelay >= a.app.MinUptime && a.app.MinUptime > 0 {
		a.noteOn("restart_delay", Differently, "as long as min_uptime, so PM2 never gives up; here %d starts that soon after each other are the last", a.app.MaxRestarts)
	}
}

// withoutActivator drops what fork mode cannot do yet.
func (a *appReader) withoutActivator() {
	const text = "in fork mode"
	if a.app.Instances.PerCPU {
		a.noteOn("instances", NotYet, "%s the number of CPUs is not counted: 1 instance", text)
		a.app.Instances = Count{N: 1}
	}
	if a.app.WaitReady {
		a.noteOn("wait_ready", NotYet, "%s an instance is ready when it runs", text)
		a.app.WaitReady = false
	}
	if a.app.MemoryLimit > 0 {
		a.noteOn("max_memory_restart", NotYet, "%s nobody watches; systemctl edit with MemoryMax= limits hard", text)
		a.app.MemoryLimit = 0
	}
	if a.app.LogDateFormat != "" {
		a.noteOn("log_date_format", NotYet, "%s; the journal has its own times", text)
		a.app.LogDateFormat = ""
	}
}
