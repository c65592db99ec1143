package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/dop251/goja"
)

// grace is how long a stopped file gets to stop: goja looks for interrupts
// between instructions, and one instruction can be a long search by pattern.
const grace = 200 * time.Millisecond

// sample is how often the memory of a running file is looked at.
const sample = 2 * time.Millisecond

// bounds are how far a file may go.
type bounds struct {
	limit  time.Duration // for which it may compute
	memory int64         // bytes by which the heap may grow
}

// busy is how many times as long as a file computes it may take on a machine that has
// other things to do.
const busy = 10

var (
	errMemory = errors.New("too much memory")
	errTime   = errors.New("too much time")
)

// evaluation is all that running a file needs.
type evaluation struct {
	source  *source
	scripts *scripts
	text    string
	format  format
	bounds  bounds
	spent   *time.Duration // of what it may compute, in all its runs
}

// run runs the file once. It returns when ctx ends, even where the file cannot
// be stopped; why then says what ended it, and there can be no other run.
func (ev evaluation) run(ctx context.Context, facts *facts, print func(string)) (_ value, _ *Problem, why error) {
	type outcome struct {
		value   value
		problem *Problem
		took    time.Duration
	}
	vm := goja.New()
	done := make(chan outcome, 1) // buffered: nobody may be waiting any more
	began := make(chan thread)
	go func() {
		self, leave := ownThread()
		defer leave()
		began <- self
		var out outcome
		start := self.computed()
		// The engine is large and runs what anybody wrote: should it fail, that
		// is one file that cannot be read.
		defer func() {
			if failure := recover(); failure != nil {
				out.problem = failed(ev.source, failure)
			}
			out.took = self.computed() - start
			done <- out
		}()
		out.value, out.problem = newEngine(vm, ev.source, ev.scripts, facts, print).run(ev.text, ev.format)
	}()
	engine := <-began
	tick := time.NewTicker(sample)
	defer tick.Stop()
	before, start := heap(), engine.computed()
	for why == nil {
		select {
		case out := <-done:
			*ev.spent += out.took
			return out.value, out.problem, nil
		case <-ctx.Done():
			why = ctx.Err()
		case <-tick.C:
			if *ev.spent+engine.computed()-start >= ev.bounds.limit {
				why = errTime
				break
			}
			if heap()-before <= ev.bounds.memory {
				break
			}
			// What is counted may be garbage.
			runtime.GC()
			if heap()-before > ev.bounds.memory {
				why = errMemory
			}
		}
	}
	vm.Interrupt(why)
	stopped := ev.stopped(why)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case out := <-done:
		if out.problem == nil {
			return out.value, nil, nil
		}
		stopped.File, stopped.Line, stopped.Column = out.problem.File, out.problem.Line, out.problem.Column
	case <-timer.C:
	}
	return value{}, stopped, why
}

// stopped is the problem of a file that went too far.
func (ev evaluation) stopped(why error) *Problem {
	if errors.Is(why, errMemory) {
		return &Problem{
			File: ev.source.shown,
			Text: fmt.Sprintf("used more than %d MiB of memory, stopped", ev.bounds.memory>>20),
			Hint: "look for a list or a text that grows without end",
		}
	}
	return &Problem{
		File: ev.source.shown,
		Text: fmt.Sprintf("still running after %s, stopped", ev.bounds.limit),
		Hint: "look for a loop that never ends, there or in the next lines",
	}
}

// heap returns the bytes of the heap that are in use.
func heap() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64())
}
