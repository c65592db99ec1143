package ecosystem

import (
	"slices"
	"time"

	"github.com/dop251/goja"
)

// loop holds the timers of a file. Its clock does not wait: where nothing else
// is to do, it jumps to the next timer.
type loop struct {
	timers []timer
	last   int64
	ahead  time.Duration // how far the clock has jumped
}

// timer is a function that is to be called.
type timer struct {
	id    int64
	due   time.Duration
	every time.Duration // 0: once
	call  func() error
}

// add takes a timer and returns its number.
func (l *loop) add(after, every time.Duration, call func() error) int64 {
	l.last++
	l.timers = append(l.timers, timer{id: l.last, due: l.ahead + after, every: every, call: call})
	return l.last
}

func (l *loop) remove(id int64) {
	l.timers = slices.DeleteFunc(l.timers, func(t timer) bool { return t.id == id })
}

// next takes the timer that is due first; of several, the oldest.
func (l *loop) next() (timer, bool) {
	if len(l.timers) == 0 {
		return timer{}, false
	}
	first := 0
	for i, t := range l.timers {
		if t.due < l.timers[first].due {
			first = i
		}
	}
	t := l.timers[first]
	l.ahead = max(l.ahead, t.due)
	if t.every > 0 {
		l.timers[first].due += t.every
	} else {
		l.timers = slices.Delete(l.timers, first, first+1)
	}
	return t, true
}

// wait runs timers until the promise is settled, or none is left.
func (e *engine) wait(p *goja.Promise) error {
	for p.State() == goja.PromiseStatePending {
		t, ok := e.loop.next()
		if !ok {
			return nil
		}
		if err := t.call(); err != nil {
			return err
		}
	}
	return nil
}

// longestTimer is where Node's timers end as well, in milliseconds.
const longestTimer = 1<<31 - 1

// timerFunc returns setTimeout, setInterval or setImmediate.
func (e *engine) timerFunc(arguments int, repeat bool) func(goja.FunctionCall) goja.Value {
	return func(call goja.FunctionCall) goja.Value {
		f, ok := goja.AssertFunction(call.Argument(0))
		if !ok {
			panic(e.vm.NewTypeError("the callback must be a function"))
		}
		var delay time.Duration
		var args []goja.Value
		if len(call.Arguments) > arguments {
			args = call.Arguments[arguments:]
		}
		if arguments == 2 {
			ms := call.Argument(1).ToInteger()
			if ms < 1 || ms > longestTimer {
				ms = 1
			}
			delay = time.Duration(ms) * time.Millisecond
		}
		every := time.Duration(0)
		if repeat {
			every = delay
		}
		id := e.loop.add(delay, every, func() error { _, err := f(goja.Undefined(), args...); return err })
		// In Node it is an object that files call ref and unref on.
		o := e.vm.NewObject()
		e.set(o, "id", id)
		for _, name := range []string{"ref", "unref", "refresh"} {
			e.set(o, name, func() goja.Value { return o })
		}
		e.set(o, "hasRef", func() bool { return true })
		return o
	}
}

// clearTimer is clearTimeout and its kin.
func (e *engine) clearTimer(call goja.FunctionCall) goja.Value {
	if o, ok := call.Argument(0).(*goja.Object); ok {
		if id := o.Get("id"); id != nil {
			e.loop.remove(id.ToInteger())
		}
	}
	return goja.Undefined()
}
