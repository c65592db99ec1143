package ecosystem

import (
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// leadingInt is what parseInt reads of a string.
var leadingInt = pattern(`^\s*[+-]?\d+`)

// finish settles what depends on more than one attribute.
func (a *appReader) finish() {
	if a.given.script == "" {
		a.problemOn("", "has no script", `write script: "./index.js"`)
		return
	}
	a.settleName()
	a.account()
	a.program()
	a.mergeVariables()
	a.openSecrets()
	a.increment()
	a.findPort()
	a.logs()
	a.files()
	a.restarts()
	a.describe()
}

// settleName settles what the app is called.
func (a *appReader) settleName() {
	if a.app.Name == "" || a.app.Name == "undefined" {
		base := path.Base(a.given.script)
		a.app.Name = base
		if dot := strings.LastIndexByte(base, '.'); dot > 0 {
			a.app.Name = base[:dot]
		}
		a.app.Place += " " + quoted(a.app.Name)
	}
	if a.given.envInName && a.env != "" {
		a.app.Name += "-" + a.env
	}
}

// atHomeOf is a path below the home of somebody, or of root.
var atHomeOf = pattern(`^(?:/home/([A-Za-z_][A-Za-z0-9_.-]{0,30})|/(root))(?:/|$)`)

// numeric is the number of an account.
var numeric = pattern(`^[0-9]+$`)

// account settles who the app runs as where the file does not say: below
// somebody's home that somebody, who is also who ran PM2. Nobody else may be
// able to enter it.
func (a *appReader) account() {
	m := atHomeOf().FindStringSubmatch(a.app.Dir + "/")
	if a.app.User != "" || m == nil {
		return
	}
	a.app.User = m[1] + m[2]
	text := "the app lives in the home of %s, and runs as %[1]s; --service-user or uid names another account"
	if m[2] != "" {
		text = "only root gets into /root, so the app runs as %s, as under PM2; in /srv it needs no such power"
	}
	a.app.Homed = true
	a.noteOn("uid", Differently, text, a.app.User)
}

// home is the home of the account that the app runs as, as far as it is known
// here: its own account's is the app's folder.
func (a *appReader) home() string {
	switch a.app.User {
	case "":
		return a.source.root
	case "root", "0":
		return "/root"
	}
	return "/home/" + a.app.User
}

// atHome resolves a path that may begin with ~, which PM2 knows in the paths of
// logs, and people write elsewhere.
func (a *appReader) atHome(key, dir, name string) string {
	rest, ok := strings.CutPrefix(name+"/", "~/")
	if !ok {
		return a.resolve(dir, name)
	}
	full := path.Join(a.home(), rest)
	if numeric().MatchString(a.app.User) && a.app.User != "0" {
		a.problemOn(key, quoted(name)+" is below the home of the user "+a.app.User+", and a number does not say where that is", "write the path from / on, or the user by name")
	}
	a.noteOn(key, Differently, "~ is the home of the account that the app runs as: %s", full)
	return full
}

// program settles what is run, and in which mode.
func (a *appReader) program() {
	if a.given.interpreter == "bash" || a.given.interpreter == "sh" {
		// PM2 has bash -c of the line read by the interpreter bash: the same.
		if strings.ContainsAny(a.given.script, " ") {
			a.given.interpreter = ""
		}
	}
	if strings.HasPrefix(a.app.Dir, path.Join(a.source.root, "~")) {
		a.app.Dir = a.atHome("cwd", a.source.root, strings.TrimPrefix(a.app.Dir, a.source.root+"/"))
	}
	script := a.given.script
	switch {
	case strings.Contains(script, " "):
		a.shellLine(script)
	case script == "serve" && a.servesFiles():
		a.normal(script, a.app.Args, "node", a.given.mode == "cluster")
		a.app.Refused = "PM2's own file server has no units: nginx and Caddy do it well, and so does the program serve of npm with args"
	case a.isCommand(script):
		a.command(script)
	default:
		a.scriptFile(a.atHome("script", a.app.Dir, script))
	}
	base := path.Base(a.app.Program)
	a.app.Node = a.app.Script != "" && (base == "node" || base == "nodejs")
	a.app.TakeRejection = a.app.TakeRejection && (a.app.Cluster || !a.given.noAgent)
}

// shellLine runs a script with a blank in it as PM2 does: as a line for bash.
func (a *appReader) shellLine(line string) {
	a.app.Program, a.app.ProgramArgs = "bash", []string{"-c", line}
	if len(a.app.Args) > 0 {
		a.noteOn("args", Refused, "script has a space and is a line for bash, without args, as in PM2")
		a.app.Args = nil
	}
	if a.given.mode == "cluster" {
		a.noteOn("exec_mode", Differently, "script has a space and is a line for bash, whose children cannot share a port: fork mode")
	}
	a.normal("bash", []string{"-c", line}, "none", a.given.mode == "cluster")
}

// servesFiles reports whether the script serve is PM2's own file server, which
// its variables set up. With arguments somebody means the one of npm.
func (a *appReader) servesFiles() bool {
	for _, v := range a.given.base {
		if strings.HasPrefix(v.Name, "PM2_SERVE_") {
			return true
		}
	}
	return len(a.app.Args) == 0
}

// isCommand reports whether a script names a program in PATH, such as npm: a
// bare word that is not a file of the app.
func (a *appReader) isCommand(script string) bool {
	if strings.Contains(script, "/") || path.Ext(script) != "" {
		return false
	}
	// PHP's artisan and the like are files without an extension.
	if i := a.given.interpreter; i != "" && i != "none" && i != "node" && !slices.Contains(nodePrograms, script) && !slices.Contains(pythonPrograms, script) {
		return false
	}
	return !a.exists(path.Join(a.app.Dir, script))
}

// exists reports whether a file of the app is there today.
func (a *appReader) exists(name string) bool {
	_, err := fs.Stat(a.source.files, strings.TrimPrefix(a.source.now(name), "/"))
	return err == nil
}

// firstOf parts the first word of a list from the others.
func firstOf(words []string) (first string, rest []string) {
	if len(words) == 0 {
		return "", nil
	}
	return words[0], words[1:]
}

// nodePrograms are commands that are scripts for Node, as PM2 finds out by
// reading them.
var nodePrograms = []string{"npm", "npx", "yarn", "pnpm", "pnpx", "next", "nuxt", "nest", "serve", "ts-node", "tsx", "strapi", "vite", "http-server", "corepack"}

// pythonPrograms are commands that people write with interpreter: "python3".
var pythonPrograms = []string{"uvicorn", "gunicorn", "celery", "streamlit", "flask", "hypercorn", "daphne", "poetry", "pipenv", "uv"}

// command runs a program in PATH. Such a program starts the app as its own
// child, and a child of a worker has no part in the worker's ports.
func (a *appReader) command(name string) {
	interpreter := a.given.interpreter
	switch {
	case interpreter != "" && interpreter != "none" && interpreter != "node":
		a.noteOn("exec_interpreter", Differently, "%s is a program in PATH, and its first line names its interpreter", name)
	case interpreter != "none" && slices.Contains(nodePrograms, name):
		interpreter = "node"
	case interpreter == "":
		interpreter = "none"
	}
	// node app.js, written as a program and its argument.
	if first, rest := firstOf(a.app.Args); name == "node" && first != "" && !strings.HasPrefix(first, "-") {
		a.normal(name, a.app.Args, "none", a.given.mode == "cluster")
		normal := maps.Clone(a.pm2)
		a.app.Args, a.given.interpreter = rest, "node"
		a.scriptFile(a.resolve(a.app.Dir, first))
		a.pm2 = normal
		return
	}
	a.app.Program = name
	cluster := a.given.mode == "cluster" || a.given.mode == "" && interpreter == "node" && a.clusterByCount()
	if cluster {
		a.noteOn("script", Differently, "%s starts the app as a child, which cannot share a port: fork mode", name)
	}
	if len(a.given.nodeArgs) > 0 {
		a.noteOn("node_args", Refused, "%s is run itself, without an interpreter", name)
	}
	a.normal(name, a.app.Args, interpreter, cluster)
}

// scriptFile runs a file with its interpreter.
func (a *appReader) scriptFile(script string) {
	interpreter, byExtension := a.given.interpreter, false
	if interpreter == "" {
		interpreter, byExtension = a.byExtension(script), true
	}
	base := path.Base(interpreter)
	nodeLike := strings.HasSuffix(base, "node") || strings.HasSuffix(base, "bun")
	version, byVersion := strings.CutPrefix(base, "node@")
	cluster := a.given.mode == "cluster" || a.given.mode == "" && nodeLike && a.clusterByCount()
	a.normal(script, a.app.Args, interpreter, cluster)
	switch {
	case byVersion:
		interpreter = path.Join(a.home(), ".nvm/versions/node/v"+strings.TrimPrefix(version, "v"), "bin/node")
		base = "node"
		a.noteOn("exec_interpreter", Differently, "nvm's node: %s; PM2 would install it where it is missing", interpreter)
	case strings.HasPrefix(interpreter, "~"):
		interpreter = a.atHome("exec_interpreter", a.app.Dir, interpreter)
	case strings.Contains(interpreter, "/"):
		interpreter = a.resolve(a.app.Dir, interpreter)
	}
	if byExtension && path.Ext(script) == "" && interpreter == "node" && !a.exists(script) {
		a.noteOn("script", Differently, `is not there today, so taken for a script of Node; interpreter: "none" says that it is a program`)
	}
	a.app.Program, a.app.ProgramArgs, a.app.Script = interpreter, a.given.nodeArgs, script
	if interpreter == "none" {
		a.app.Program, a.app.ProgramArgs, a.app.Script = script, nil, ""
	}
	if !cluster {
		return
	}
	if base == "tsx" {
		// It starts a Node of its own, which has no part in the cluster; Node with
		// its loader has.
		a.app.Program, a.app.ProgramArgs, base = "node", append([]string{"--import=tsx"}, a.given.nodeArgs...), "node"
		a.noteOn("exec_interpreter", Differently, "node --import=tsx, since the program tsx starts a Node of its own, which cannot share a port")
	}
	a.app.Cluster = a.canCluster(base)
	switch {
	case !a.app.Cluster && *a.count() == 1:
		a.noteOn("exec_mode", Differently, "%s does not speak Node's cluster protocol: fork mode", base)
	case !a.app.Cluster:
		a.noteOn("exec_mode", Differently, "%s does not speak Node's cluster protocol: fork mode, where each instance opens its port itself", base)
		a.given.loners = true
	case a.given.mode == "cluster" && !byExtension && base != "node":
		a.noteOn("exec_interpreter", Differently, "PM2 ignores it in cluster mode; here it counts")
	case a.given.mode == "":
		a.noteOn("instances", Differently, "without exec_mode it means cluster mode, as in PM2")
	}
}

// clusterByCount reports whether PM2 takes the number of instances for a wish
// for cluster mode: any from 1, and 0 and -1, but not -2.
func (a *appReader) clusterByCount() bool {
	return a.given.count != nil && *a.given.count >= -1
}

// count returns the number of instances, as PM2 has it.
func (a *appReader) count() *float64 {
	if a.given.count == nil {
		one := 1.0
		return &one
	}
	return a.given.count
}

// canCluster reports whether an interpreter speaks Node's cluster protocol: Node
// itself, and what runs the script in its own process. Bun's http server
// ignores its primary.
func (a *appReader) canCluster(interpreter string) bool {
	return strings.HasSuffix(interpreter, "node") || interpreter == "nodejs" || interpreter == "coffee"
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
		return a.forTypeScript()
	case ".js", ".mjs", ".cjs":
		return "node"
	}
	if a.isBinary(script) {
		return "none"
	}
	return "node"
}

// forTypeScript returns what runs TypeScript. PM2 takes bun where it is installed,
// else Node; a package cannot know which, and Node runs it from 22.18 on.
func (a *appReader) forTypeScript() string {
	a.noteOn("script", Differently, `TypeScript runs on node, from 22.18 on; PM2 takes bun where it is installed: interpreter: "bun" asks for it`)
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

// findPort looks for the port where nothing more explicit names one: port, PORT
// in the environment, then the arguments.
func (a *appReader) findPort() {
	if len(a.app.Ports) > 0 {
		return
	}
	defer a.oneOnAPort()
	if a.app.Increment != nil && a.app.Increment.Name == "PORT" {
		if a.app.Cluster {
			a.noteOn("increment_var", Differently, "each worker has a port of its own, which no socket unit can know: the app's own listen() opens it")
		}
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

// oneOnAPort leaves one instance of those that were to share a port and cannot.
func (a *appReader) oneOnAPort() {
	if a.given.loners && len(a.app.Ports) > 0 {
		a.app.Instances = Count{N: 1}
		a.noteOn("instances", Differently, "one, since no two can open port %s", a.app.Ports[0].Address)
	}
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// numbered is a log file that already has a number, which PM2 replaces.
var numbered = pattern(`-\d+\.log$`)

// logs settles where the output goes.
func (a *appReader) logs() {
	merged := !a.app.Cluster && (a.given.count == nil || *a.given.count == 0)
	if a.given.merge != nil {
		merged = *a.given.merge
	}
	if a.given.both != "" && a.given.out == "" && a.given.err == "" {
		a.given.out, a.given.err = a.given.both, a.given.both
	} else if a.given.both != "" {
		a.noteOn("log_file", Refused, "systemd writes a stream to one place, and out_file or error_file names it")
	}
	if a.given.noLogs {
		a.given.out, a.given.err = "/dev/null", "/dev/null"
	}
	a.app.Output = a.log("out_file", a.given.out, merged)
	a.app.Errors = a.log("error_file", a.given.err, merged)
	for key, log := range map[string]Log{"out_file": a.app.Output, "error_file": a.app.Errors} {
		if log.Path != "" && (a.given.both == "" || key == "out_file") {
			a.noteOn(key, Differently, "journalctl shows nothing of it; leave the key out and the journal has it, with times, limits and search")
		}
	}
	if !a.app.Node {
		for key, given := range map[string]bool{"log_type": a.app.LogJSON, "log_date_format": a.app.LogDateFormat != ""} {
			if given {
				a.noteOn(key, Differently, "the program is not Node itself: its lines stay as they are; journalctl -o json and -o short-iso-precise")
			}
		}
		a.app.LogJSON, a.app.LogDateFormat = false, ""
	}
}

// ownStreams are names of what a process already writes to.
var ownStreams = []string{"/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", "/proc/1/fd/1", "/proc/1/fd/2"}

func (a *appReader) log(key, name string, merged bool) Log {
	switch {
	case name == "":
		return Log{}
	case name == "/dev/null" || name == "NULL":
		return Log{Discard: true}
	case slices.Contains(ownStreams, name):
		// systemd would open what its own child has there, which is nothing.
		a.noteOn(key, Differently, "%s is the journal, where the output goes without it", name)
		return Log{}
	}
	full := a.atHome(key, a.app.Dir, name)
	if merged || !strings.HasSuffix(full, ".log") {
		return Log{Path: full}
	}
	stem := strings.TrimSuffix(full, ".log")
	if at := numbered().FindStringIndex(full); at != nil {
		stem = full[:at[0]]
	}
	return Log{Path: stem, Suffix: ".log", PerInstance: true}
}

// files makes the paths of watch and of the files with variables absolute.
func (a *appReader) files() {
	// dotenv puts its variables into PM2's own environment, and PM2 hands that on.
	for _, f := range a.dotenv {
		a.noteOn("env", Differently, "dotenv loads %s, and PM2 hands its variables on to the app; here systemd reads it at each start, below env", f)
		a.app.EnvFiles = append(a.app.EnvFiles, "-"+f)
	}
	for _, f := range a.given.envFiles {
		optional := ""
		if rest, ok := strings.CutPrefix(f, "-"); ok {
			optional, f = "-", rest
		}
		a.app.EnvFiles = append(a.app.EnvFiles, optional+a.atHome("env_file", a.app.Dir, f))
	}
	w := a.app.Watch
	if w == nil {
		return
	}
	if len(w.Paths) == 0 {
		w.Paths = []string{a.app.Dir}
	}
	for i, p := range w.Paths {
		w.Paths[i] = a.glob(p)
	}
	if a.given.ignore != nil {
		w.Ignore = []string{}
		for _, p := range a.given.ignore {
			w.Ignore = append(w.Ignore, a.glob(p))
		}
	}
	w.Delay = a.given.watchDelay
}

// glob makes a path of watch absolute. The app's folder, and what is there under
// that very name today, such as Next.js's pages/[id], stand for themselves.
func (a *appReader) glob(name string) string {
	full := a.resolve(a.app.Dir, name)
	rest, inside := below(full, a.app.Dir)
	switch {
	case a.exists(full) || !closes(name):
		return literal(full)
	case inside:
		return path.Join(literal(a.app.Dir), rest)
	}
	return full
}

// special are the characters that mean more than themselves in a glob.
var special = pattern(`[*?\[\]{}\\]`)

// literal takes from every character of a path the meaning that it has in a glob.
func literal(name string) string {
	return special().ReplaceAllString(name, `\$0`)
}

// closes reports whether a glob closes what it opens.
func closes(glob string) bool {
	for _, pair := range []string{"[]", "{}"} {
		if strings.Count(glob, pair[:1]) != strings.Count(glob, pair[1:]) {
			return false
		}
	}
	return !strings.HasSuffix(glob, `\`)
}

// restarts tells where PM2's own counting would surprise.
func (a *appReader) restarts() {
	if a.app.Cluster && !a.app.Restart {
		a.noteOn("autorestart", Differently, "a worker of a cluster lives until process.exit(), as under PM2; with exec_mode: \"fork\" it ends when nothing is left to do")
	}
	if a.app.Backoff > 0 {
		return
	}
	if a.app.Restart && a.app.RestartDelay >= a.app.MinUptime && a.app.MinUptime > 0 {
		a.noteOn("restart_delay", Differently, "as long as min_uptime, so PM2 never gives up; here %d starts that soon after each other are the last", a.app.MaxRestarts)
	}
}
