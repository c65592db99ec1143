package ecosystem

import (
	"fmt"
	"path"
	"reflect"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// deepestCall ends an endless recursion long before it has eaten the memory.
const deepestCall = 5000

// mostLayers is how many functions and promises may be around the apps.
const mostLayers = 8

// letNode is the end of a hint where gopm's own engine is not enough.
const letNode = "let Node evaluate it: --node"

// engine runs a file once.
type engine struct {
	vm      *goja.Runtime
	source  *source
	scripts *scripts
	facts   *facts
	print   func(string)
	loop    loop
	loaded  map[string]*goja.Object // module objects by the name of their file
	natives map[string]goja.Value   // exports of the modules that are gopm's own
	main    *goja.Object
	awaited goja.Value // the promise of a main module that awaits something at its top
	env     *environment
}

func newEngine(vm *goja.Runtime, src *source, scripts *scripts, facts *facts, print func(string)) *engine {
	e := &engine{vm: vm, source: src, scripts: scripts, facts: facts, print: print, loaded: map[string]*goja.Object{}, natives: map[string]goja.Value{}}
	// By default the engine reads the source maps that a text names for eval from
	// the real disk.
	vm.SetParserOptions(parser.WithDisableSourceMaps)
	facts.ahead = func() time.Duration { return e.loop.ahead }
	return e
}

// run evaluates the text of the file and returns what it exports.
func (e *engine) run(text string, f format) (value, *Problem) {
	name := path.Join(e.source.root, e.source.base)
	e.vm.SetMaxCallStackSize(deepestCall)
	e.vm.SetTimeSource(e.facts.now)
	e.vm.SetRandSource(e.facts.random)
	var exports goja.Value
	err := e.call(func() {
		e.globals()
		exports = e.evaluate(name, text, f)
	})
	if err == nil && e.awaited != nil {
		if _, err = e.settleOne(e.awaited, "the module"); err == nil {
			err = e.call(func() { exports = e.exported(e.main) })
		}
	}
	if err == nil {
		exports, err = e.settle(exports)
	}
	// Getters run here, so this is a call as well.
	var out value
	var odd error
	if err == nil {
		err = e.call(func() { out, odd = detach(exports) })
	}
	switch {
	case err != nil:
		return value{}, e.thrown(err)
	case odd != nil:
		return value{}, &Problem{File: e.source.shown, Text: "module.exports " + odd.Error(), Hint: "export plain objects: strings, numbers, lists"}
	}
	return out, nil
}

// evaluate runs the main file.
func (e *engine) evaluate(name, text string, f format) goja.Value {
	if f == formatJSON {
		sc, problem := e.scripts.compileExpression(name, text)
		if problem != nil {
			panic(e.vm.NewGoError(problem))
		}
		v, err := e.vm.RunProgram(sc.program)
		if err != nil {
			panic(err)
		}
		return v
	}
	return e.exported(e.runModule(name, text, true))
}

// exported returns what a main module stands for: an ES module's named export
// apps, else its default export.
func (e *engine) exported(module *goja.Object) goja.Value {
	exports := module.Get("exports")
	o, ok := exports.(*goja.Object)
	if !ok || o.Get("__esModule") == nil || !o.Get("__esModule").ToBoolean() {
		return exports
	}
	def := o.Get("default")
	if def == nil {
		return exports
	}
	out := e.vm.NewObject()
	named := false
	for _, key := range o.Keys() {
		if key == "default" {
			continue
		}
		v := o.Get(key)
		named = named || (key == "apps" || key == "pm2") && v.ToBoolean()
		e.set(out, key, v)
	}
	if named {
		return out
	}
	return def
}

// call runs f as a call of its own: what it throws, and the interrupt, come back
// as errors, and the engine's queue of jobs is empty afterwards.
func (e *engine) call(f func()) error {
	call, _ := goja.AssertFunction(e.vm.ToValue(func(goja.FunctionCall) goja.Value { f(); return nil }))
	_, err := call(goja.Undefined())
	return err
}

// settle calls functions and waits for promises until something else is left,
// in v itself and in its list of apps.
func (e *engine) settle(v goja.Value) (goja.Value, error) {
	v, err := e.settleOne(v, "module.exports")
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"apps", "pm2"} {
		var inner goja.Value
		o, ok := v.(*goja.Object)
		if !ok {
			return v, nil
		}
		if err := e.call(func() { inner = o.Get(key) }); err != nil {
			return nil, err
		}
		if inner == nil || promise(inner) == nil {
			continue
		}
		settled, err := e.settleOne(inner, key)
		if err != nil {
			return nil, err
		}
		if err := e.call(func() { e.set(o, key, settled) }); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// promise returns v as a promise, or nil.
func promise(v goja.Value) *goja.Promise {
	if o, ok := v.(*goja.Object); ok && o.ExportType() == reflect.TypeFor[*goja.Promise]() {
		p, _ := o.Export().(*goja.Promise)
		return p
	}
	return nil
}

func (e *engine) settleOne(v goja.Value, what string) (goja.Value, error) {
	for range mostLayers {
		if p := promise(v); p != nil {
			if err := e.wait(p); err != nil {
				return nil, err
			}
			switch p.State() {
			case goja.PromiseStateFulfilled:
				v = p.Result()
			case goja.PromiseStateRejected:
				return nil, rejection{p.Result()}
			default:
				return nil, &Problem{File: e.source.shown, Text: what + " waits for a promise that is never settled", Hint: "resolve it with the apps, or export them directly"}
			}
			continue
		}
		f, callable := goja.AssertFunction(v)
		if !callable {
			return v, nil
		}
		var err error
		if v, err = f(goja.Undefined()); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// set sets a property of an object that nobody has frozen.
func (e *engine) set(o *goja.Object, name string, v any) {
	if err := o.Set(name, v); err != nil {
		panic(e.vm.NewGoError(err))
	}
}

// error returns a JavaScript Error with a code and, where gopm itself refuses
// something, a hint.
func (e *engine) error(code, message, hint string) goja.Value {
	o, err := e.vm.New(e.vm.Get("Error"), e.vm.ToValue(message))
	if err != nil {
		panic(err)
	}
	e.set(o, "code", code)
	if hint != "" {
		if err := o.DefineDataProperty(hintKey, e.vm.ToValue(hint), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
			panic(err)
		}
	}
	return o
}

// failed is the problem of an engine that fell over.
func failed(src *source, failure any) *Problem {
	return &Problem{File: src.shown, Text: oneLine(fmt.Sprint("the JavaScript engine failed: ", failure)), Hint: "write the file in a simpler way, or " + letNode}
}
