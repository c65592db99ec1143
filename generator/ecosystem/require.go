package ecosystem

import (
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"strings"

	"github.com/dop251/goja"
)

// endings are tried after the name of a module, in this order.
var endings = []string{".js", ".cjs", ".json", ".mjs", ".ts", ".cts", ".mts"}

// typeScript are the files that TypeScript means by a name that Node would
// read after the compiler has run.
var typeScript = map[string]string{".js": ".ts", ".cjs": ".cts", ".mjs": ".mts"}

var errNotFound = errors.New("not found")

// runModule runs the file name, whose text is given, and returns its module
// object.
func (e *engine) runModule(name, text string, main bool) *goja.Object {
	if done := e.loaded[name]; done != nil {
		return done
	}
	sc, problem := e.scripts.compile(name, text)
	if problem != nil {
		panic(e.vm.NewGoError(problem))
	}
	module, exports := e.vm.NewObject(), e.vm.NewObject()
	e.set(module, "exports", exports)
	e.set(module, "id", name)
	e.set(module, "filename", name)
	e.set(module, "children", e.vm.NewArray())
	e.set(module, "paths", e.vm.NewArray())
	if main {
		e.main = module
	}
	e.loaded[name] = module
	dir := path.Dir(name)
	require := e.requireFrom(dir)
	e.set(module, "require", require)
	wrapped, err := e.vm.RunProgram(sc.program)
	if err != nil {
		panic(err)
	}
	call, ok := goja.AssertFunction(wrapped)
	if !ok {
		panic(e.vm.NewGoError(&Problem{File: e.source.show(name), Text: "syntax error: the file closes more brackets than it opens", Hint: "look for a bracket too many"}))
	}
	args := []goja.Value{exports, require, module, e.vm.ToValue(name), e.vm.ToValue(dir)}
	if sc.module {
		args = append(args, e.meta(name))
	}
	if sc.async && !main {
		delete(e.loaded, name)
		panic(e.error("ERR_REQUIRE_ASYNC_MODULE", "the module "+quoted(e.source.show(name))+" awaits something outside of any function", "put it into an async function, or "+letNode))
	}
	returned, err := call(exports, args...)
	if err != nil {
		delete(e.loaded, name)
		panic(err)
	}
	if sc.async {
		e.awaited = returned
	}
	e.set(module, "loaded", true)
	return module
}

// meta returns import.meta of a module.
func (e *engine) meta(name string) goja.Value {
	o := e.vm.NewObject()
	e.set(o, "url", fileURL(name))
	e.set(o, "filename", name)
	e.set(o, "dirname", path.Dir(name))
	e.set(o, "main", e.main != nil && e.main.Get("filename").String() == name)
	// Few modules look at it, and Node's process is large.
	env := e.vm.ToValue(func(goja.FunctionCall) goja.Value { return e.native("process").(*goja.Object).Get("env") })
	if err := o.DefineAccessorProperty("env", env, nil, goja.FLAG_TRUE, goja.FLAG_TRUE); err != nil {
		panic(err)
	}
	e.set(o, "resolve", func(wanted string) string { return fileURL(e.resolve(wanted, path.Dir(name))) })
	return o
}

// fileURL returns the address of a file. What is no path is a module of Node's.
func fileURL(name string) string {
	if !path.IsAbs(name) {
		return "node:" + name
	}
	return (&url.URL{Scheme: "file", Path: name}).String()
}

// requireFrom returns the function that scripts of a folder know as require.
func (e *engine) requireFrom(dir string) *goja.Object {
	require := e.vm.ToValue(func(call goja.FunctionCall) goja.Value {
		if _, ok := call.Argument(0).Export().(string); !ok {
			panic(e.error("ERR_INVALID_ARG_TYPE", `The "id" argument must be of type string`, ""))
		}
		return e.require(call.Argument(0).String(), dir)
	}).(*goja.Object)
	e.set(require, "resolve", func(name string) string { return e.resolve(name, dir) })
	e.set(require, "cache", e.vm.NewObject())
	e.set(require, "extensions", e.vm.NewObject())
	if e.main != nil {
		e.set(require, "main", e.main)
	}
	return require
}

// require returns what a module exports.
func (e *engine) require(name, dir string) goja.Value {
	file := e.resolve(name, dir)
	if !path.IsAbs(file) {
		return e.native(file)
	}
	if done := e.loaded[file]; done != nil {
		return done.Get("exports")
	}
	text := e.read(file)
	if path.Ext(file) == ".json" {
		return e.requireJSON(file, text)
	}
	if path.Ext(file) == ".node" {
		panic(e.error("ERR_DLOPEN_FAILED", "cannot load "+quoted(e.source.show(file))+", which is machine code", letNode))
	}
	return e.runModule(file, plain(text), false).Get("exports")
}

func (e *engine) requireJSON(file string, text []byte) goja.Value {
	if err := e.source.validJSON(file, text); err != nil {
		panic(e.vm.NewGoError(err))
	}
	parse, _ := goja.AssertFunction(e.vm.Get("JSON").(*goja.Object).Get("parse"))
	v, err := parse(goja.Undefined(), e.vm.ToValue(plain(text)))
	if err != nil {
		panic(err)
	}
	module := e.vm.NewObject()
	e.set(module, "exports", v)
	e.loaded[file] = module
	return v
}

// validJSON says where a JSON file is none: the engine would say where the
// program is that reads it.
func (s *source) validJSON(name string, text []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), new(any)); errors.As(err, &syntax) {
		before := string(text[:min(max(syntax.Offset-1, 0), int64(len(text)))])
		return &Problem{
			File:   s.show(name),
			Line:   strings.Count(before, "\n") + 1,
			Column: len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1,
			Text:   "syntax error: " + syntax.Error(),
			Hint:   "JSON that is required has no comments and no comma before a closing bracket",
		}
	}
	return nil
}

// resolve returns the file that a script of the folder dir means by name, or
// the name of one of gopm's own modules. It throws what Node would, since files
// catch it to go on without a module.
func (e *engine) resolve(name, dir string) string {
	if own, ok := ownModule(name); ok {
		return own
	}
	if address, ok := strings.CutPrefix(name, "file://"); ok {
		if u, err := url.PathUnescape(address); err == nil {
			name = u
		}
	}
	relative := name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../")
	var file string
	var err error
	switch {
	case path.IsAbs(name):
		file, err = e.source.module(name)
	case relative:
		file, err = e.source.module(path.Join(dir, name))
	default:
		file, err = e.source.packaged(name, dir)
	}
	switch {
	case err == nil:
		return file
	case errors.Is(err, errOutside):
		panic(e.unreadable("open", name, err))
	}
	hint := "put the file there, or mend its name"
	if !relative && !path.IsAbs(name) {
		hint = "install it beside the file: npm install " + packageName(name) + "; or " + letNode
	}
	panic(e.error("MODULE_NOT_FOUND", "cannot find module "+quoted(name), hint))
}

// module returns the file that the path of a module means.
func (s *source) module(name string) (string, error) {
	if file, err := s.moduleFile(name); err == nil || errors.Is(err, errOutside) {
		return file, err
	}
	if text, err := s.read(path.Join(name, "package.json")); err == nil {
		if main := readPackage(text).Main; main != "" {
			for _, candidate := range []string{path.Join(name, main), path.Join(name, main, "index")} {
				if file, err := s.moduleFile(candidate); err == nil {
					return file, nil
				}
			}
		}
	}
	return s.moduleFile(path.Join(name, "index"))
}

func (s *source) moduleFile(name string) (string, error) {
	candidates := []string{name}
	for _, ending := range endings {
		candidates = append(candidates, name+ending)
	}
	if ts := typeScript[path.Ext(name)]; ts != "" {
		candidates = append(candidates, strings.TrimSuffix(name, path.Ext(name))+ts)
	}
	for _, candidate := range candidates {
		real, err := s.inside(candidate)
		if errors.Is(err, errOutside) {
			return "", err
		}
		if err == nil && s.regular(real) {
			return s.then(real), nil
		}
	}
	return "", errNotFound
}

// packaged finds a module in the node_modules of the folders above dir.
func (s *source) packaged(name, dir string) (string, error) {
	pkg := packageName(name)
	rest := strings.TrimPrefix(strings.TrimPrefix(name, pkg), "/")
	for ; ; dir = path.Dir(dir) {
		home := path.Join(dir, "node_modules", pkg)
		if text, err := s.read(path.Join(home, "package.json")); err == nil {
			if file, ok := readPackage(text).exported(rest); ok {
				return s.moduleFile(path.Join(home, file))
			}
		}
		if file, err := s.module(path.Join(home, rest)); err == nil {
			return file, nil
		}
		if dir == "/" {
			return "", errNotFound
		}
	}
}
