package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// wrapper stands before the text on its first line, as in Node, so that lines
// keep their numbers; columns of the first line are put right afterwards. It is
// the very text that goja's require puts before the modules it loads.
const wrapper = "(function(exports,require,module,__filename,__dirname){"

// deepestCall ends an endless recursion long before it has eaten the memory.
const deepestCall = 5000

// grace is how long a stopped file gets to stop: goja looks for interrupts
// between instructions, and one instruction can be a long search by pattern.
const grace = 200 * time.Millisecond

// result is what an evaluated file left behind.
type result struct {
	exports value
	asked   asked
}

// notes tells what the file took from the machine that converts it.
func (r result) notes() []Note {
	if len(r.asked.names) == 0 {
		return nil
	}
	return []Note{{Key: strings.Join(r.asked.names, ", "), Fate: Differently, Text: "taken from this machine, now; the units keep the value"}}
}

// evaluate runs the file and returns what it exports. It returns when ctx ends,
// even where the file cannot be stopped.
func evaluate(ctx context.Context, host Host, src source, text string, limit time.Duration) (result, *Problem) {
	type outcome struct {
		result  result
		problem *Problem
	}
	vm := goja.New()
	done := make(chan outcome, 1) // buffered: nobody may be waiting any more
	go func() {
		var out outcome
		// The engine is large and runs what anybody wrote: should it fail, that
		// is one file that cannot be read.
		defer func() {
			if failure := recover(); failure != nil {
				out.problem = &Problem{File: src.shown, Text: oneLine(fmt.Sprint("the JavaScript engine failed: ", failure)), Hint: "write the file in a simpler way"}
				if ctx.Err() != nil {
					out.problem = src.tooLong(limit)
				}
			}
			done <- out
		}()
		out.result, out.problem = run(vm, host, src, text, limit)
	}()
	select {
	case out := <-done:
		return out.result, out.problem
	case <-ctx.Done():
	}
	vm.Interrupt(ctx.Err())
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case out := <-done:
		return out.result, out.problem
	case <-timer.C:
		return result{}, src.tooLong(limit)
	}
}

// run evaluates the file on this goroutine.
func run(vm *goja.Runtime, host Host, src source, text string, limit time.Duration) (result, *Problem) {
	p := place{source: src, text: text, vm: vm}
	name := path.Join(src.root, src.base)
	ast, err := parser.ParseFile(nil, name, wrapper+text+"\n})", 0, parser.WithDisableSourceMaps)
	if err != nil {
		return result{}, p.syntax(err)
	}
	program, err := goja.CompileAST(ast, false)
	if err != nil {
		return result{}, p.syntax(err)
	}
	vm.SetMaxCallStackSize(deepestCall)
	if host.Now != nil {
		vm.SetTimeSource(host.Now)
	}
	var out result
	load := enable(vm, host, src, &out.asked)
	// Inside a call, goja turns what getters throw, and the interrupt, into errors.
	var odd error
	call, _ := goja.AssertFunction(vm.ToValue(func(goja.FunctionCall) goja.Value {
		wrapped, err := vm.RunProgram(program)
		if err != nil {
			panic(err)
		}
		exports, err := load(wrapped, name)
		if err != nil {
			panic(err)
		}
		out.exports, odd = detach(exports)
		return nil
	}))
	if _, err := call(goja.Undefined()); err != nil {
		return result{}, p.thrown(err, limit)
	}
	if odd != nil {
		return result{}, &Problem{File: src.shown, Text: "module.exports " + odd.Error(), Hint: "export plain objects: strings, numbers, lists"}
	}
	return out, nil
}

// place turns the engine's errors into problems of the user's file.
type place struct {
	source source
	text   string
	vm     *goja.Runtime
}

// atEnd is what is wrong where the parser stumbles over the wrapper's end.
const atEnd = "unexpected end of file"

// syntax makes a problem of what the parser or the compiler said.
func (p place) syntax(err error) *Problem {
	out := &Problem{File: p.source.shown}
	message := err.Error()
	var list parser.ErrorList
	var compile *goja.CompilerSyntaxError
	switch {
	case errors.As(err, &list) && len(list) > 0:
		message = list[0].Message
		out.Line, out.Column = list[0].Position.Line, list[0].Position.Column
	case errors.As(err, &compile) && compile.File != nil:
		message = compile.Message
		at := compile.File.Position(compile.Offset)
		out.Line, out.Column = at.Line, at.Column
	}
	out.Column = p.column(out.Line, out.Column)
	// The parser stumbles over the bracket that closes the wrapper.
	text := strings.TrimRight(p.text, " \t\r\n")
	if last := strings.Count(text, "\n") + 1; out.Line > last {
		message = atEnd
		out.Line, out.Column = last, utf8.RuneCountInString(p.line(last))+1
	}
	out.Text = "syntax error: " + lower(message)
	line := strings.TrimSpace(p.line(out.Line))
	switch {
	case strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "export "):
		out.Hint = "write it as a CommonJS file: module.exports = { apps: [ … ] }"
	case message == atEnd:
		out.Hint = "close every bracket, quote and comment"
	default:
		out.Hint = "look at this line: " + quoted(line)
	}
	return out
}

// thrown makes a problem of an error while the file ran.
func (p place) thrown(err error, limit time.Duration) *Problem {
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	var exception *goja.Exception
	out := &Problem{File: p.source.shown, Hint: "the file itself throws this: give it what it asks for"}
	var own *Problem
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &interrupted):
		out = p.source.tooLong(limit)
		p.locate(out, interrupted.Stack())
	case errors.As(err, &overflow):
		out.Text = "functions call each other without end"
		out.Hint = "look for a function that calls itself"
		p.locate(out, overflow.Stack())
	case errors.As(err, &exception):
		out.Text = "threw what has no text"
		p.vm.Try(func() { out.Text = exception.Value().String() }) // it may throw as well
		p.locate(out, exception.Stack())
		if out.Text == "" {
			out.Text = "threw an empty value"
		}
		if name, missing := strings.CutPrefix(out.Text, "Error: Cannot find module "); missing {
			out.Text = "cannot find module " + name
			out.Hint = "gopm-gen evaluates the file without Node: it has path, os and fs, files beside it, and what node_modules holds"
		}
	default:
		out.Text = err.Error()
	}
	out.Text = oneLine(out.Text)
	return out
}

// locate puts the innermost place of the stack that is in the user's files
// into the problem.
func (p place) locate(out *Problem, stack []goja.StackFrame) {
	for _, frame := range stack {
		at := frame.Position()
		if !path.IsAbs(frame.SrcName()) || at.Line == 0 {
			continue
		}
		out.File, out.Line, out.Column = p.source.show(frame.SrcName()), at.Line, at.Column
		if out.File == p.source.shown {
			out.Column = p.column(at.Line, at.Column)
		} else if at.Line == 1 {
			out.Column = max(at.Column-len(wrapper), 1)
		}
		return
	}
}

// column turns goja's column, a count of bytes that includes the wrapper, into
// a count of characters.
func (p place) column(line, column int) int {
	if line == 1 {
		column -= len(wrapper)
	}
	text := p.line(line)
	n := min(max(column-1, 0), len(text))
	return utf8.RuneCountInString(text[:n]) + 1
}

// line returns a line of the file, counted from 1.
func (p place) line(n int) string {
	lines := strings.Split(p.text, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// oneLine puts what somebody else wrote into one line of a message.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
}

// lower makes a sentence of the parser fit into one of ours.
func lower(s string) string {
	s = strings.TrimPrefix(s, "SyntaxError: ")
	if s == "" {
		return "unknown"
	}
	return strings.ToLower(s[:1]) + s[1:]
}
