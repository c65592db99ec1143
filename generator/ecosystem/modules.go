package ecosystem

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja_nodejs/buffer"
	"github.com/dop251/goja_nodejs/url"
)

// moduleFiles are Node's modules as far as an ecosystem file goes, and dotenv,
// which many such files load before anything is installed.
//
//go:embed modules/*.js modules/*.mjs
var moduleFiles embed.FS

// ownNames are the modules that have a file in modules/.
var ownNames = []string{
	"assert", "buffer", "bun", "child_process", "cluster", "console", "crypto", "dotenv", "dotenv-expand", "dotenv/config", "events", "fs", "fs/promises",
	"module", "os", "path", "path/posix", "perf_hooks", "process", "querystring", "timers", "timers/promises", "tty", "url", "util", "worker_threads",
}

// closedNames are modules of Node that reach out of the file. A file may load
// them, since packages do, and not use them.
var closedNames = []string{
	"async_hooks", "constants", "dgram", "diagnostics_channel", "dns", "dns/promises", "http", "http2", "https", "inspector", "net", "punycode",
	"readline", "repl", "stream", "stream/promises", "string_decoder", "tls", "trace_events", "v8", "vm", "wasi", "zlib",
}

// ownModule returns the name of the module that gopm itself has for name.
func ownModule(name string) (string, bool) {
	bare, prefixed := strings.CutPrefix(name, "node:")
	if prefixed && strings.HasPrefix(bare, "dotenv") {
		return "", false
	}
	return bare, slices.Contains(ownNames, bare) || slices.Contains(closedNames, bare)
}

// native returns what a module of gopm's own exports.
func (e *engine) native(name string) goja.Value {
	if done := e.natives[name]; done != nil {
		return done
	}
	var exports goja.Value
	switch name {
	case "path/posix":
		exports = e.native("path")
	case "fs/promises":
		exports = e.native("fs").(*goja.Object).Get("promises")
	default:
		exports = e.ownFile(name)
	}
	e.natives[name] = exports
	return exports
}

// library returns a module of goja's own library.
func (e *engine) library(name string) goja.Value {
	module, exports := e.vm.NewObject(), e.vm.NewObject()
	e.set(module, "exports", exports)
	if name == "buffer" {
		buffer.Require(e.vm, module)
	} else {
		url.Require(e.vm, module)
	}
	return module.Get("exports")
}

// ownFile runs a file of modules/.
func (e *engine) ownFile(name string) goja.Value {
	file := name
	if slices.Contains(closedNames, name) {
		file = "closed"
	}
	file = "modules/" + strings.ReplaceAll(file, "/", "-") + ".js"
	sc := e.scripts.compiled[file]
	if sc == nil {
		text, err := fs.ReadFile(moduleFiles, file)
		if err != nil {
			panic(e.vm.NewGoError(err))
		}
		program, err := compiled(file, "(function(exports,require,module,host){"+string(text)+"\n})", nil)
		if err != nil {
			panic(e.vm.NewGoError(err))
		}
		sc = &script{program: program}
		e.scripts.compiled[file] = sc
	}
	wrapped, err := e.vm.RunProgram(sc.program)
	if err != nil {
		panic(err)
	}
	call, _ := goja.AssertFunction(wrapped)
	module, exports := e.vm.NewObject(), e.vm.NewObject()
	e.set(module, "exports", exports)
	e.natives[name] = exports
	require := e.vm.ToValue(func(name string) goja.Value { return e.native(name) })
	if _, err := call(exports, exports, require, module, e.hostObject(name)); err != nil {
		panic(err)
	}
	return module.Get("exports")
}
