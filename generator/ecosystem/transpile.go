package ecosystem

import (
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// metaName is what import.meta becomes.
const metaName = "__gopm_meta"

// Before and after a module that was an ES module or TypeScript. The inner block
// lets the module declare the wrapper's names, as ES modules do with __dirname.
const (
	moduleBanner = "(function(exports,require,module,__filename,__dirname," + metaName + "){{"
	moduleFooter = "}})"
)

// transpiled is a script as the engine can run it.
type transpiled struct {
	code  string // wrapped
	maps  []byte // the source map of code
	async bool   // it is an async function
}

// complaint is what is wrong with a script.
type complaint struct {
	text         string
	line, column int // column in bytes, both from 1
}

// transpile turns an ES module, TypeScript, or JavaScript that is newer than
// the engine into a wrapped CommonJS module.
func transpile(name, text string) (transpiled, *complaint) {
	options := api.TransformOptions{
		Format:     api.FormatCommonJS,
		Loader:     api.LoaderJS,
		Sourcefile: name,
		Sourcemap:  api.SourceMapExternal,
		// The map without the text, which is at hand.
		SourcesContent: api.SourcesContentExclude,
		Banner:         moduleBanner,
		Footer:         moduleFooter,
		Define:         map[string]string{"import.meta": metaName},
		Platform:       api.PlatformNode,
		Target:         api.ES2022,
		Supported:      map[string]bool{"dynamic-import": false, "for-await": false, "async-generator": false},
		TsconfigRaw:    "{}",
		LogLevel:       api.LogLevelSilent,
	}
	switch path.Ext(name) {
	case ".ts", ".mts", ".cts":
		options.Loader = api.LoaderTS
	}
	out := api.Transform(text, options)
	if len(out.Errors) == 0 {
		return transpiled{code: string(out.Code), maps: out.Map}, nil
	}
	if c := complain(out.Errors[0]); !c.awaitsAtTop() {
		return transpiled{}, c
	}
	return awaiting(text, options)
}

// complain returns what esbuild says.
func complain(message api.Message) *complaint {
	c := &complaint{text: message.Text, line: 1, column: 1}
	if message.Location != nil {
		c.line, c.column = message.Location.Line, message.Location.Column+1
	}
	return c
}

// awaitsAtTop reports whether the complaint is that a module awaits something
// outside of any function, which only an ES module can.
func (c *complaint) awaitsAtTop() bool { return strings.HasPrefix(c.text, "Top-level await") }
