package ecosystem

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	"github.com/gopm/gopm/generator/secret"
)

// wrapper stands before the text on its first line, as in Node, so that lines
// keep their numbers; columns of the first line are put right afterwards.
const wrapper = "(function(exports,require,module,__filename,__dirname){"

// expression stands before a JSON file, which PM2 evaluates as JavaScript.
const expression = "("

// script is a compiled file.
type script struct {
	program *goja.Program
	text    string // as the user wrote it
	before  string // what stands before the text on its first line
	mapped  bool   // positions come from a source map and count UTF-16 units
	module  bool   // the wrapper takes import.meta
	async   bool   // the wrapper is an async function
}

// scripts compiles each file once, however often the file is run.
type scripts struct {
	source   *source
	compiled map[string]*script
}

// compile returns the file name, whose text is given, as a program.
func (s *scripts) compile(name, text string) (*script, *Problem) {
	if done := s.compiled[name]; done != nil {
		return done, nil
	}
	out, problem := s.build(name, text)
	if problem == nil {
		s.compiled[name] = out
	}
	return out, problem
}

func (s *scripts) build(name, text string) (*script, *Problem) {
	out := &script{text: text, before: wrapper}
	if problem := s.oversized(name, text); problem != nil {
		return nil, problem
	}
	if formatOf(name) != formatTypeScript {
		program, err := compiled(name, wrapper+text+"\n})", nil)
		if err == nil {
			out.program = program
			return out, nil
		}
	}
	// An ES module, TypeScript, or a mistake. esbuild is slower than the rest of
	// a conversion together, so only these pay for it.
	js, wrong := transpile(name, text)
	if wrong != nil {
		return nil, s.syntax(name, out, wrong)
	}
	program, err := compiled(name, js.code, js.maps)
	if err != nil {
		p := s.syntax(name, out, &complaint{text: firstLine(err.Error()), line: 1, column: 1})
		p.Line, p.Column = 0, 0
		p.Text = "gopm's JavaScript engine cannot read it: " + oneLine(strings.TrimPrefix(firstLine(err.Error()), "SyntaxError: "))
		p.Hint = "write it in a simpler way, or " + letNode
		return nil, p
	}
	out.program, out.mapped, out.module, out.async = program, true, true, js.async
	return out, nil
}

// The parsers call themselves for what is inside of brackets, and a stack that
// overflows ends the whole process. Nobody writes this by hand.
const (
	largestScript  = 1 << 20
	deepestBracket = 2000
)

// oversized refuses what no parser should see.
func (s *scripts) oversized(name, text string) *Problem {
	out := &Problem{File: s.source.show(name), Hint: "write the file in a simpler way, or " + letNode}
	switch {
	case len(text) > largestScript:
		out.Text = "is larger than 1 MiB"
	case nesting(text) > deepestBracket:
		out.Text = "has brackets nested too deep"
	default:
		return nil
	}
	return out
}

// nesting returns how deep the brackets of a text are nested, give or take those
// in strings and comments.
func nesting(text string) int {
	depth, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{':
			depth++
			most = max(most, depth)
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return most
}

// compiled parses and compiles a text that is all there is.
func compiled(name, text string, maps []byte) (*goja.Program, error) {
	option := parser.WithDisableSourceMaps
	if maps != nil {
		text += "\n//# sourceMappingURL=map"
		option = parser.WithSourceMapLoader(func(string) ([]byte, error) { return maps, nil })
	}
	ast, err := parser.ParseFile(nil, name, text, 0, option)
	if err != nil {
		return nil, err
	}
	return goja.CompileAST(ast, false)
}

// compileExpression returns a JSON file as a program.
func (s *scripts) compileExpression(name, text string) (*script, *Problem) {
	out := &script{text: text, before: expression}
	if problem := s.oversized(name, text); problem != nil {
		return nil, problem
	}
	program, err := compiled(name, expression+text+"\n)", nil)
	if err == nil {
		out.program = program
		s.compiled[name] = out
		return out, nil
	}
	if strings.TrimSpace(text) == "" {
		_, example := s.source.subject()
		return nil, &Problem{File: s.source.show(name), Text: "is empty", Hint: example}
	}
	wrong := &complaint{text: "unexpected text", line: 1, column: 1}
	if _, said := transpile("input.js", expression+text+"\n)"); said != nil {
		wrong = said
		if wrong.line == 1 {
			wrong.column = max(wrong.column-len(expression), 1)
		}
	} else {
		wrong.text, wrong.line, wrong.column = parserSays(err, len(expression))
	}
	return nil, s.syntax(name, out, wrong)
}

// parserSays takes an error of the engine's parser apart.
func parserSays(err error, before int) (text string, line, column int) {
	text, line, column = firstLine(err.Error()), 1, 1
	var list parser.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		text, line, column = list[0].Message, list[0].Position.Line, list[0].Position.Column
	}
	if line == 1 {
		column = max(column-before, 1)
	}
	return text, line, column
}

// atEnd is what is wrong where the parser comes to the end too early.
const atEnd = "unexpected end of file"

// syntax makes a problem of what is wrong with a script.
func (s *scripts) syntax(name string, sc *script, wrong *complaint) *Problem {
	out := &Problem{File: s.source.show(name), Line: wrong.line}
	message := lower(wrong.text)
	text := strings.TrimRight(sc.text, " \t\r\n")
	last := strings.Count(text, "\n") + 1
	switch {
	case strings.Contains(message, "end of file") || wrong.line > last:
		message = atEnd
		out.Line, out.Column = last, utf8.RuneCountInString(sc.line(last))+1
	default:
		out.Column = sc.column(wrong.line, wrong.column)
	}
	out.Text = "syntax error: " + oneLine(message)
	out.Hint = "look at this line: " + quoted(strings.TrimSpace(sc.line(out.Line)))
	if secret.InLine(sc.line(out.Line)) {
		out.Hint = "look at this line" // and not into a log for a secret
	}
	if message == atEnd {
		out.Hint = "close every bracket, quote and comment"
	}
	return out
}

// line returns a line of the file, counted from 1.
func (sc *script) line(n int) string {
	lines := strings.Split(sc.text, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimSuffix(lines[n-1], "\r")
}

// column turns a count of bytes, from 1, into a count of characters.
func (sc *script) column(line, column int) int {
	text := sc.line(line)
	n := min(max(column-1, 0), len(text))
	return utf8.RuneCountInString(text[:n]) + 1
}

// place turns a position in the program into one in the text.
func (sc *script) place(line, column int) (int, int) {
	if sc.mapped {
		units := 0
		for i, r := range []rune(sc.line(line)) {
			if units >= column {
				return line, i + 1
			}
			units++
			if r > 0xffff {
				units++
			}
		}
		return line, max(utf8.RuneCountInString(sc.line(line)), 1)
	}
	if line == 1 {
		column -= len(sc.before)
	}
	return line, sc.column(line, column)
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

// lower makes a sentence of the parser fit into one of ours.
func lower(s string) string {
	s = strings.TrimPrefix(s, "SyntaxError: ")
	if s == "" {
		return "unknown"
	}
	return strings.ToLower(s[:1]) + s[1:]
}
