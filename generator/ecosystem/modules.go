package ecosystem

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja_nodejs/console"
	"github.com/dop251/goja_nodejs/require"
)

// pathModule is the part of Node's path module that has no need of a machine.
//
//go:embed modules/path.js
var pathModule string

// asked lists what a file took from the machine, each once, in order.
type asked struct{ names []string }

func (a *asked) note(name string) {
	if !slices.Contains(a.names, name) {
		a.names = append(a.names, name)
	}
}

// enable gives the engine require, process and console. The function that it
// returns calls a wrapped script and returns what it exports.
func enable(vm *goja.Runtime, host Host, src source, asked *asked) func(wrapped goja.Value, name string) (goja.Value, error) {
	m := modules{vm: vm, host: host, source: src, asked: asked}
	registry := require.NewRegistry(
		require.WithLoader(m.load),
		// The default one follows links on the real disk.
		require.WithPathResolver(func(base, name string) string {
			if path.IsAbs(name) {
				return path.Clean(name)
			}
			return path.Join(base, name)
		}),
	)
	for name, loader := range map[string]require.ModuleLoader{
		"path":    m.path,
		"os":      m.os,
		"fs":      m.fs,
		"process": m.process,
		"console": console.RequireWithPrinter(printer{host.Print}),
	} {
		registry.RegisterNativeModule(name, loader)
		registry.RegisterNativeModule("node:"+name, loader)
	}
	m.require = registry.Enable(vm)
	m.set(vm.GlobalObject(), "require", m.find)
	m.set(vm.GlobalObject(), "global", vm.GlobalObject())
	for _, name := range []string{"process", "console"} {
		m.set(vm.GlobalObject(), name, require.Require(vm, name))
	}
	return m.call
}

// modules are what a file may require.
type modules struct {
	vm      *goja.Runtime
	host    Host
	source  source
	asked   *asked
	require *require.RequireModule
}

// set sets a property of an object that nobody has frozen.
func (m *modules) set(o *goja.Object, name string, v any) {
	if err := o.Set(name, v); err != nil {
		panic(m.vm.NewGoError(err))
	}
}

// call calls the wrapped main script and returns its module.exports.
func (m *modules) call(wrapped goja.Value, name string) (goja.Value, error) {
	main, ok := goja.AssertFunction(wrapped)
	if !ok {
		panic(m.error("the file closes more brackets than it opens", "ERR_GOPM"))
	}
	module, exports := m.vm.NewObject(), m.vm.NewObject()
	m.set(module, "exports", exports)
	m.set(module, "filename", name)
	m.set(m.vm.GlobalObject().Get("require").ToObject(m.vm), "main", module)
	_, err := main(exports, exports, m.vm.Get("require"), module, m.vm.ToValue(name), m.vm.ToValue(path.Dir(name)))
	if err != nil {
		return nil, err
	}
	return module.Get("exports"), nil
}

// find is the function that scripts know as require. It throws what Node would,
// since files catch it to go on without a module.
func (m *modules) find(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	v, err := m.require.Require(name)
	var exception *goja.Exception
	switch {
	case err == nil:
		return v
	case errors.As(err, &exception):
		panic(exception)
	case errors.Is(err, require.InvalidModuleError), errors.Is(err, require.NoSuchBuiltInModuleError):
		panic(m.error("Cannot find module "+quoted(name), "MODULE_NOT_FOUND"))
	}
	var interrupted *goja.InterruptedError
	if errors.As(err, &interrupted) {
		panic(interrupted)
	}
	var problem *Problem
	if errors.As(err, &problem) {
		panic(m.vm.NewGoError(problem))
	}
	panic(m.error("load module "+quoted(name)+": "+err.Error(), "ERR_GOPM"))
}

// error returns a JavaScript Error with a code.
func (m *modules) error(message, code string) goja.Value {
	e, err := m.vm.New(m.vm.Get("Error"), m.vm.ToValue(message))
	if err != nil {
		panic(err)
	}
	m.set(e, "code", code)
	return e
}

// load reads the source of a module for require.
func (m *modules) load(name string) ([]byte, error) {
	text, err := m.source.read(name)
	if err != nil {
		// A folder and a missing file are alike to require: it tries the next name.
		return nil, require.ModuleFileDoesNotExistError
	}
	if strings.HasSuffix(name, ".json") {
		return text, m.source.validJSON(name, text)
	}
	// require's own parser gives no place that a reader could use.
	if _, err := parser.ParseFile(nil, name, wrapper+string(text)+"\n})", 0, parser.WithDisableSourceMaps); err != nil {
		src := m.source
		src.shown = m.source.show(name)
		return nil, place{source: src, text: string(text)}.syntax(err)
	}
	return text, nil
}

// validJSON says where a JSON file is none: the engine would say where the
// program is that reads it.
func (s source) validJSON(name string, text []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(any)); errors.As(err, &syntax) {
		before := string(text[:max(syntax.Offset-1, 0)])
		return &Problem{
			File:   s.show(name),
			Line:   strings.Count(before, "\n") + 1,
			Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
			Text:   "syntax error: " + syntax.Error(),
			Hint:   "JSON that is required has no comments and no comma before a closing bracket",
		}
	}
	return nil
}

func (m *modules) path(vm *goja.Runtime, module *goja.Object) {
	wrapped, err := vm.RunScript("path", pathModule)
	if err != nil {
		panic(err)
	}
	fill, _ := goja.AssertFunction(wrapped)
	if _, err := fill(goja.Undefined(), module, vm.ToValue(m.source.root)); err != nil {
		panic(err)
	}
}

func (m *modules) os(vm *goja.Runtime, module *goja.Object) {
	o := vm.NewObject()
	m.set(module, "exports", o)
	m.set(o, "EOL", "\n")
	for name, v := range map[string]string{"platform": "linux", "type": "Linux", "tmpdir": "/tmp", "endianness": "LE"} {
		m.set(o, name, func() string { return v })
	}
	for name, v := range map[string]string{"hostname": m.host.Hostname, "homedir": m.host.Home} {
		m.set(o, name, func() string { m.asked.note("os." + name + "()"); return v })
	}
	cpus := func() []any {
		m.asked.note("os.cpus()")
		list := make([]any, m.host.CPUs)
		for i := range list {
			list[i] = map[string]any{"model": "", "speed": 0}
		}
		return list
	}
	m.set(o, "cpus", func() goja.Value { return vm.NewArray(cpus()...) })
	m.set(o, "availableParallelism", func() int { m.asked.note("os.cpus()"); return m.host.CPUs })
}

func (m *modules) fs(vm *goja.Runtime, module *goja.Object) {
	o := vm.NewObject()
	m.set(module, "exports", o)
	m.set(o, "existsSync", func(name string) bool {
		_, err := fs.Stat(m.source.files, strings.TrimPrefix(m.source.now(m.absolute(name)), "/"))
		return err == nil
	})
	m.set(o, "readFileSync", func(call goja.FunctionCall) goja.Value {
		name := call.Argument(0).String()
		text, err := m.source.read(name)
		if err != nil {
			panic(m.error("ENOENT: no such file or directory, open "+quoted(name), "ENOENT"))
		}
		// Without an encoding Node gives a Buffer; all that files do with one is
		// to make a string of it.
		return vm.ToValue(string(text))
	})
}

func (m *modules) absolute(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(m.source.root, name)
}

func (m *modules) process(vm *goja.Runtime, module *goja.Object) {
	o := vm.NewObject()
	m.set(module, "exports", o)
	m.set(o, "env", vm.NewDynamicObject(&environment{modules: m, values: m.host.Environ}))
	m.set(o, "argv", []string{"node", path.Join(m.source.root, m.source.base)})
	m.set(o, "execArgv", []string{})
	m.set(o, "platform", "linux")
	m.set(o, "cwd", func() string { return m.source.root })
	m.set(o, "exit", func() { panic(m.error("the file calls process.exit()", "ERR_GOPM")) })
}

// environment is process.env: what a file reads from it is noted, and what it
// writes to it stays with the file.
type environment struct {
	modules *modules
	values  map[string]string
	own     map[string]goja.Value
	deleted map[string]bool
}

// Get returns a variable, or nil where there is none.
func (e *environment) Get(key string) goja.Value {
	if v, ok := e.own[key]; ok {
		return v
	}
	v, ok := e.values[key]
	if !ok || e.deleted[key] {
		return nil
	}
	e.modules.asked.note("process.env." + key)
	return e.modules.vm.ToValue(v)
}

// Set changes a variable for the file alone, into a string as in Node.
func (e *environment) Set(key string, v goja.Value) bool {
	if e.own == nil {
		e.own = map[string]goja.Value{}
	}
	e.own[key] = e.modules.vm.ToValue(v.String())
	return true
}

// Has reports whether a variable is set.
func (e *environment) Has(key string) bool {
	_, own := e.own[key]
	_, ok := e.values[key]
	return own || ok && !e.deleted[key]
}

// Delete removes a variable for the file alone.
func (e *environment) Delete(key string) bool {
	if e.deleted == nil {
		e.deleted = map[string]bool{}
	}
	delete(e.own, key)
	e.deleted[key] = true
	return true
}

// Keys returns the names of all variables, sorted.
func (e *environment) Keys() []string {
	var keys []string
	for key := range e.values {
		if !e.deleted[key] {
			keys = append(keys, key)
		}
	}
	for key := range e.own {
		if _, ok := e.values[key]; !ok || e.deleted[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// printer gives what the file prints to the host.
type printer struct{ print func(string) }

// Log prints a line.
func (p printer) Log(s string) { p.line(s) }

// Warn prints a line.
func (p printer) Warn(s string) { p.line(s) }

// Error prints a line.
func (p printer) Error(s string) { p.line(s) }

func (p printer) line(s string) {
	if p.print != nil {
		p.print(s)
	}
}
