package ecosystem

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// program settles what is run, and in which mode.
func (a *appReader) program() {
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
	return a.source.exists(a.source.now(name))
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
		a.scriptFile(resolve(a.app.Dir, first))
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
		interpreter = resolve(a.app.Dir, interpreter)
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
	case !a.app.Cluster && a.count() == 1:
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
func (a *appReader) count() float64 {
	if a.given.count == nil {
		return 1
	}
	return *a.given.count
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
	f, err := a.source.files.Open(inFS(a.source.now(script)))
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := f.Read(head)
	return err == nil && slices.Contains(head[:n], 0)
}
