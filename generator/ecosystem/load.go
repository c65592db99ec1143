package ecosystem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"time"
)

// standardInput is how messages name the file "-".
const standardInput = "standard input"

// File is an ecosystem file that was read.
type File struct {
	Name  string // as the user named it
	Path  string // where it will be on the machine that runs the apps
	Apps  []App
	Notes []Note // about the file as a whole
}

// Load evaluates the ecosystem file name and reads its apps; "-" is standard
// input, which holds JSON. It goes on after a mistake in one app, so the
// problems are all there are. An app with any is returned as Flawed, where it
// says what to run.
func Load(ctx context.Context, host Host, name string, opt Options) (File, []*Problem) {
	src := newSource(host, name, opt.Root)
	opt.Root = src.root
	file := File{Name: src.shown, Path: path.Join(src.root, src.base)}
	result, problem := src.evaluate(ctx, host, opt)
	if problem != nil {
		return file, []*Problem{problem}
	}
	r := reader{source: *src, env: opt.Env, only: opt.Only, dotenv: result.dotenv, path: host.Environ["PATH"]}
	file.Apps = r.apps(result.exports)
	file.Notes = append(result.facts, r.notes...)
	return file, r.problems
}

// newSource finds the file name on the machine.
func newSource(host Host, name, root string) *source {
	src := &source{files: host.Files, shown: name, home: host.Dir, root: root, base: name}
	if name == "-" {
		src.shown = standardInput
	} else {
		full := resolve(host.Dir, name)
		src.home, src.base = path.Dir(full), path.Base(full)
	}
	if src.root == "" {
		src.root = src.home
	}
	src.locate()
	return src
}

// result is what an evaluated file left behind.
type result struct {
	exports value
	facts   []Note   // what the file took from the machine that converts it
	dotenv  []string // absolute paths, where the app will live
}

// format is the file's.
func (s *source) format() format {
	if s.shown == standardInput {
		return formatJSON
	}
	return formatOf(s.base)
}

// subject is who a message about all that the file says is about, where that is not the
// file, and example what its hint shows to somebody whose file has no apps.
func (s *source) subject() (subject, example string) {
	switch s.format() {
	case formatJSON:
		return "", `write { "apps": [{ "name": "api", "script": "./index.js" }] }`
	case formatYAML:
		return "", "write apps: and a list below it"
	}
	return "module.exports ", `write module.exports = { apps: [{ name: "api", script: "./index.js" }] }`
}

// evaluate reads the file by its format.
func (s *source) evaluate(ctx context.Context, host Host, opt Options) (result, *Problem) {
	format := s.format()
	if format == formatNone {
		return result{}, &Problem{File: s.shown, Text: "is no kind of ecosystem file", Hint: "its name must end in .js, .cjs, .mjs, .ts, .json, .json5, .yml or .yaml"}
	}
	text, problem := s.main(host.Stdin)
	if problem != nil {
		return result{}, problem
	}
	var out result
	switch {
	case format == formatYAML:
		out.exports, problem = s.yaml(text)
	case opt.Node && format != formatJSON:
		out, problem = s.evaluateWithNode(ctx, host, opt)
	default:
		out, problem = s.evaluateHere(ctx, host, opt, text, format)
	}
	if problem == nil && s.base == "package.json" {
		out.exports, problem = s.manifest(out.exports)
	}
	if list := s.leftBehind(out.exports); len(list) > 0 {
		out.facts = append(out.facts, Note{s.home, Differently, "is where the file is now, and not where the apps will be: " + places(list)})
	}
	return out, problem
}

// evaluateHere runs the file in gopm's own engine.
func (s *source) evaluateHere(ctx context.Context, host Host, opt Options, text string, f format) (result, *Problem) {
	limits := bounds{limit: opt.Limit, memory: opt.Memory}
	if limits.limit == 0 {
		limits.limit = DefaultLimit
	}
	if limits.memory == 0 {
		limits.memory = DefaultMemory
	}
	ctx, cancel := context.WithTimeout(ctx, busy*limits.limit)
	defer cancel()
	ev := evaluation{source: s, scripts: &scripts{source: s, compiled: map[string]*script{}}, text: text, format: f, bounds: limits, spent: new(time.Duration)}
	truth := newFacts(host)
	exports, problem, _ := ev.run(ctx, truth, host.Print)
	if problem != nil {
		return result{}, problem
	}
	return ev.probe(ctx, truth, exports), nil
}

// manifest returns the part of a package.json that is an ecosystem file.
func (s *source) manifest(root value) (value, *Problem) {
	if inner := root.get("pm2"); inner.get("apps").truthy {
		return inner, nil
	}
	for _, key := range []string{"apps", "pm2"} {
		if v := root.get(key); v.truthy {
			return value{kind: Object, text: root.text, truthy: true, fields: []field{{key, v}}}, nil
		}
	}
	return value{}, &Problem{File: s.shown, Text: "has neither apps nor pm2", Hint: `write "apps": [{ "name": "api", "script": "./index.js" }] into it, or name another file`}
}

// main returns the text of the file itself.
func (s *source) main(stdin io.Reader) (string, *Problem) {
	if s.shown == standardInput {
		return s.input(stdin)
	}
	name := path.Join(s.real, s.base)
	text, err := s.text(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &Problem{File: s.shown, Text: "no such file", Hint: "a path is taken from the folder that you are in"}
	case err != nil:
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return "", &Problem{File: s.shown, Text: "read: " + err.Error(), Hint: "make it a file that you can read"}
	}
	return plain(text), nil
}

// input returns what is on standard input.
func (s *source) input(stdin io.Reader) (string, *Problem) {
	if stdin == nil {
		return "", &Problem{File: s.shown, Text: "is empty", Hint: "write JSON to it: gopm-gen - <ecosystem.json"}
	}
	text, err := readAll(stdin)
	if err != nil {
		return "", &Problem{File: s.shown, Text: "read: " + err.Error(), Hint: "write JSON to it: gopm-gen - <ecosystem.json"}
	}
	return plain(text), nil
}
