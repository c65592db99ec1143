package ecosystem

import (
	"errors"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/dop251/goja"
)

// rejection is what a promise was rejected with.
type rejection struct{ value goja.Value }

func (r rejection) Error() string { return "promise rejected" }

// thrown makes a problem of an error while the file ran.
func (e *engine) thrown(err error) *Problem {
	out := &Problem{File: e.source.shown, Hint: "the file itself throws this: give it what it asks for"}
	var own *Problem
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	var exception *goja.Exception
	var rejected rejection
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &interrupted):
		e.locate(out, interrupted.Stack())
		out.Text = "was stopped"
		return out
	case errors.As(err, &overflow):
		out.Text = "functions call each other without end"
		out.Hint = "look for a function that calls itself"
		e.locate(out, overflow.Stack())
	case errors.As(err, &exception):
		e.locate(out, exception.Stack())
		if own := e.describe(out, exception.Value()); own != nil {
			return own
		}
	case errors.As(err, &rejected):
		if own := e.describe(out, rejected.value); own != nil {
			return own
		}
		e.locateIn(out, rejected.value)
	default:
		out.Text = err.Error()
	}
	out.Text = oneLine(out.Text)
	if out.Text == "" {
		out.Text = "threw an empty value"
	}
	return out
}

// hintKey is the property of an error of gopm's own modules that says what to
// do about it.
const hintKey = "gopmHint"

// notHere is what the engine says of what it lacks.
var notHere = pattern(`Invalid flags supplied to RegExp|Object has no member|\bIntl is not defined|not supported`)

// describe writes what was thrown into the problem. It returns a problem that
// was thrown as one.
func (e *engine) describe(out *Problem, thrown goja.Value) *Problem {
	out.Text = "threw what has no text"
	var own *Problem
	// What was thrown may throw in turn.
	_ = e.call(func() {
		o, ok := thrown.(*goja.Object)
		if !ok {
			out.Text = thrown.String()
			return
		}
		if v := o.Get("value"); v != nil {
			if err, ok := v.Export().(error); ok && errors.As(err, &own) {
				return
			}
		}
		out.Text = o.String()
		if notHere().MatchString(out.Text) {
			out.Hint = "write it in a simpler way; if Node itself takes it, " + letNode
		}
		if hint := o.Get(hintKey); hint != nil {
			out.Text, out.Hint = o.Get("message").String(), oneLine(hint.String())
		}
	})
	return own
}

// locate puts the innermost place of the stack that is in the user's files
// into the problem.
func (e *engine) locate(out *Problem, stack []goja.StackFrame) {
	for _, frame := range stack {
		at := frame.Position()
		if e.place(out, frame.SrcName(), at.Line, at.Column) {
			return
		}
	}
}

// stackLine is a place in the text of an error's stack.
var stackLine = pattern(`(/[^\s():]*):(\d+):(\d+)`)

// locateIn is locate for an error that was not thrown but handed on.
func (e *engine) locateIn(out *Problem, thrown goja.Value) {
	o, ok := thrown.(*goja.Object)
	if !ok {
		return
	}
	stack := ""
	_ = e.call(func() {
		if s := o.Get("stack"); s != nil {
			stack = s.String()
		}
	})
	for _, m := range stackLine().FindAllStringSubmatch(stack, -1) {
		line, _ := strconv.Atoi(m[2])
		column, _ := strconv.Atoi(m[3])
		if e.place(out, m[1], line, column) {
			return
		}
	}
}

// place puts a place into the problem if it is one in the user's files.
func (e *engine) place(out *Problem, name string, line, column int) bool {
	sc := e.scripts.compiled[name]
	if sc == nil || !path.IsAbs(name) || line == 0 || line > strings.Count(sc.text, "\n")+1 {
		return false
	}
	out.File = e.source.show(name)
	out.Line, out.Column = sc.place(line, column)
	return true
}

// oneLine puts what somebody else wrote into one line of a message.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
}
