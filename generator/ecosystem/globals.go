package ecosystem

import "github.com/dop251/goja"

// globals gives the engine the names that Node has everywhere. Most files use
// one or two of them, so each is made when it is first asked for.
func (e *engine) globals() {
	e.ownFile("prelude")
	global := e.vm.GlobalObject()
	e.set(global, "global", global)
	e.guardJSON()
	for name, from := range map[string]string{
		"process": "", "console": "",
		"Buffer": "buffer", "URL": "url", "URLSearchParams": "url", "TextEncoder": "util", "TextDecoder": "util",
		"performance": "perf_hooks", "atob": "globals", "btoa": "globals", "structuredClone": "globals", "queueMicrotask": "globals",
		"AbortController": "globals", "AbortSignal": "globals", "Event": "globals", "EventTarget": "globals",
		"fetch": "globals", "WebSocket": "globals", "XMLHttpRequest": "globals",
		"setTimeout": "timers", "setInterval": "timers", "setImmediate": "timers",
		"clearTimeout": "timers", "clearInterval": "timers", "clearImmediate": "timers",
	} {
		e.lazy(global, name, from)
	}
}

// guardJSON keeps JSON.parse from texts that would overflow the stack.
func (e *engine) guardJSON() {
	object := e.vm.Get("JSON").(*goja.Object)
	own, _ := goja.AssertFunction(object.Get("parse"))
	e.set(object, "parse", func(call goja.FunctionCall) goja.Value {
		if text, ok := call.Argument(0).Export().(string); ok && nesting(text) > deepestBracket {
			panic(e.error("ERR_OUT_OF_RANGE", "JSON.parse() of brackets nested too deep", "look at the text that it reads"))
		}
		v, err := own(object, call.Arguments...)
		if err != nil {
			panic(err)
		}
		return v
	})
}

// lazy defines a global that is the export of a module, or the module itself.
func (e *engine) lazy(global *goja.Object, name, from string) {
	settle := func(v goja.Value) {
		if err := global.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			panic(err)
		}
	}
	getter := e.vm.ToValue(func(goja.FunctionCall) goja.Value {
		var v goja.Value
		if from == "" {
			v = e.native(name)
		} else {
			v = e.native(from).(*goja.Object).Get(name)
		}
		if v == nil {
			v = goja.Undefined()
		}
		settle(v)
		return v
	})
	setter := e.vm.ToValue(func(call goja.FunctionCall) goja.Value { settle(call.Argument(0)); return goja.Undefined() })
	if err := global.DefineAccessorProperty(name, getter, setter, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
}
