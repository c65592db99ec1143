package runner

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/rollout"
)

// life is one run of a service while it lasts.
type life struct {
	s      *service
	starts []request // over when it is active
	stops  []request // over when it has ended
	next   []request // to be started again for
	asked  bool      // it was told to end

	invocation string
	main       *process
	result     string // the first thing that failed; empty: nothing has
	unready    bool   // result is only that another command failed
	exited     bool   // the main process ended by itself, with code
	code       int

	ready   chan error    // the start's result
	over    chan struct{} // closed when nothing is left
	ending  bool
	stopped chan struct{} // closed to interrupt ExecStartPost=
}

// errStopped is why a command of a start was interrupted.
var errStopped = errors.New("stopped")

// live returns when nothing of the run is left.
func (l *life) live() {
	s := l.s
	l.ready, l.over, l.stopped = make(chan error, 1), make(chan struct{}), make(chan struct{})
	var err error
	if l.invocation, err = s.begin(); err == nil {
		for _, c := range s.spec.pre {
			if err = l.command(c); err != nil {
				break
			}
		}
	}
	if err == nil {
		l.main, err = s.start(s.spec.start[0], l.invocation, nil, s.born)
	}
	if err != nil {
		l.result = err.Error()
		answer(l.starts, err)
		return
	}
	go func() { l.ready <- l.post() }()
	var late <-chan time.Time
	if s.spec.startTimeout > 0 {
		timer := time.NewTimer(s.spec.startTimeout)
		defer timer.Stop()
		late = timer.C
	}
	ended := l.main.done
	for {
		select {
		case <-l.over:
			if ended != nil {
				l.lost()
			}
			answer(l.starts, l.failure())
			l.starts = nil
			return
		case q := <-s.requests:
			l.hear(q)
		case err := <-l.ready:
			l.ready, late = nil, nil
			l.started(err)
		case <-late:
			l.fail("not ready within TimeoutStartSec=")
			l.end(false)
		case <-ended:
			ended = nil
			l.lost()
		}
	}
}

// command runs a command of the unit to its end.
func (l *life) command(c command) error {
	p, err := l.s.start(c, l.invocation, l.main, nil)
	if err == nil {
		select {
		case <-p.done:
			err = failureOf(p.status, nil)
		case <-l.stopped:
			p.signal(unix.SIGTERM)
			<-p.done
			return errStopped
		}
	}
	if err != nil && !c.mayFail {
		return fmt.Errorf("%s: %w", c.words[0], err)
	}
	return nil
}

func (l *life) post() error {
	for _, c := range l.s.spec.post {
		if err := l.command(c); err != nil {
			return err
		}
	}
	return nil
}

// hear takes a job while the run lasts.
func (l *life) hear(q request) {
	switch {
	case q.verb == rollout.Stop:
		answer(l.starts, rollout.ErrCanceled)
		answer(l.next, rollout.ErrCanceled)
		l.starts, l.next, l.asked = nil, nil, true
		l.stops = append(l.stops, q)
		l.end(l.ready == nil)
	case l.ending || q.verb == rollout.Restart:
		answer(l.stops, rollout.ErrCanceled)
		l.stops = nil
		l.next = append(append(l.next, l.starts...), q)
		l.starts = nil
		l.asked = true
		l.end(l.ready == nil)
	case l.ready != nil:
		l.starts = append(l.starts, q)
	default:
		answer([]request{q}, nil)
	}
}

// started is the end of the start.
func (l *life) started(err error) {
	switch {
	case l.ending:
	case err != nil:
		if l.main.runs() {
			l.fail("not ready: " + err.Error())
			l.unready = true
		} else if failure := failureOf(l.main.status, l.s.spec.success); failure != nil {
			l.fail(failure.Error())
		} else {
			l.fail("ended before it was ready")
		}
		l.end(false)
	default:
		l.s.set("active", "running")
		answer(l.starts, nil)
		l.starts = nil
		if !l.main.runs() {
			l.end(false)
		}
	}
}

// lost is the end of the main process. While it starts, its commands see that.
func (l *life) lost() {
	l.s.mu.Lock()
	l.s.state.PID = 0
	l.s.mu.Unlock()
	if err := failureOf(l.main.status, l.s.spec.success); err != nil {
		if l.unready && l.main.status.Exited() {
			l.result = "" // it was about to end, and wait saw that first
		}
		l.fail(err.Error())
	}
	l.exited, l.code = l.main.status.Exited(), l.main.status.ExitStatus()
	if l.ready == nil || len(l.s.spec.post) == 0 {
		l.end(false)
	}
}

// fail notes the first failure.
func (l *life) fail(how string) {
	if l.result == "" {
		l.result = how
	}
}

// failure is what jobs hear that waited for the start.
func (l *life) failure() error {
	if l.result == "" {
		return errors.New("ended before it was ready")
	}
	return errors.New(l.result)
}

// how it ended, for a line.
func (l *life) how() string {
	if l.result == "" {
		return "has ended"
	}
	return l.result
}

// end begins to end the run: with ExecStop= where the main process runs and had
// started.
func (l *life) end(orderly bool) {
	if l.ending {
		return
	}
	l.ending = true
	close(l.stopped)
	l.s.set("deactivating", "stop")
	go l.finish(orderly && l.main.runs())
}

// finish ends what runs, as systemd.kill(5) says of KillMode=, and closes over.
func (l *life) finish(orderly bool) {
	defer close(l.over)
	spec, hurry := l.s.spec, l.s.r.hurry
	t := tree{l.s.r.census, l.main.pid, l.invocation}
	if orderly {
		l.finishWell()
	}
	all := spec.killMode == "control-group" || spec.killMode == ""
	if l.main.runs() {
		l.main.signal(spec.killSignal)
		if all {
			t.kill(spec.killSignal)
		}
		if !endsWithin(l.main, spec.stopTimeout, hurry) {
			l.main.signal(unix.SIGKILL)
		}
		<-l.main.done
	} else if all {
		t.kill(spec.killSignal)
	}
	switch {
	case spec.killMode == "process":
	case all && t.gone(spec.stopTimeout, hurry):
	default:
		t.kill(unix.SIGKILL)
		t.gone(spec.stopTimeout, nil)
	}
}

// finishWell runs ExecStop=.
func (l *life) finishWell() {
	spec, hurry := l.s.spec, l.s.r.hurry
	for _, c := range spec.stop {
		p, err := l.s.start(c, l.invocation, l.main, nil)
		if err != nil {
			l.s.say("%s: %v", l.s.name, err)
			return
		}
		if !endsWithin(p, spec.stopTimeout, hurry) {
			p.signal(unix.SIGKILL)
			<-p.done
			return
		}
	}
}

// endsWithin waits for the end of a process for as long as patience, or until
// hurry.
func endsWithin(p *process, patience time.Duration, hurry <-chan struct{}) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	case <-hurry:
		return false
	}
}

// clean are the signals that are no failure (systemd.service(5),
// SuccessExitStatus=).
var clean = []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE}

// failureOf is nil where a process ended as it should.
func failureOf(status unix.WaitStatus, success []int) error {
	switch {
	case status.Signaled() && !slices.Contains(clean, unix.Signal(status.Signal())):
		return fmt.Errorf("killed by signal %d", status.Signal())
	case status.Exited() && status.ExitStatus() != 0 && !slices.Contains(success, status.ExitStatus()):
		return fmt.Errorf("exited with status %d", status.ExitStatus())
	}
	return nil
}
