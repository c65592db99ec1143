package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
)

// runningApp is an app's target, with its sockets and its activator. One goroutine,
// serve, does what it is asked for, as systemd would.
type runningApp struct {
	*app
	r        *Runner
	at       control.Address
	requests chan appRequest
	store    store
	// These are serve's: what each activator is given a copy of, and the one that runs,
	// or has run last.
	sockets []descriptor
	current *supervision

	mu     sync.Mutex // guards what follows
	active bool       // the target is
	failed error      // why the activator could not begin
	// job is what is done to the target. leaving is what is done to the activator:
	// stop or restart.
	job, leaving rollout.Verb
	// ending: no instance may be started. byHand: somebody has stopped it, and may
	// start it again.
	ending, byHand bool
	count          string // of workers, in place of what the file says
}

// appRequest is a job of the target or, with activator, of that alone.
type appRequest struct {
	verb      rollout.Verb
	activator bool
	done      chan error // has room for its result
}

// newApp is an app that was not started. Each of its instances is checked here.
func (r *Runner) newApp(a *app, runtime control.Manager) (*runningApp, error) {
	out := &runningApp{app: a, r: r, at: runtime.Address(a.name), requests: make(chan appRequest)}
	for _, instance := range append([]int{0}, a.instances...) { // a mistake in one is one of all
		if _, err := r.service(out, instance); err != nil {
			return nil, err
		}
	}
	if a.supervised() {
		if _, err := out.activatorSettings(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// do has a job done, and waits for its end.
func (a *runningApp) do(q appRequest) error {
	q.done = make(chan error, 1)
	a.requests <- q
	return <-q.done
}

// stopByHand is what somebody asks for who may start it again.
func (a *runningApp) stopByHand() error {
	a.mu.Lock()
	a.byHand = true
	a.mu.Unlock()
	return a.do(appRequest{verb: rollout.Stop})
}

// serve does jobs, one after the other; a start is over when the app is up, and may
// be stopped before that.
func (a *runningApp) serve() {
	for q := range a.requests {
		switch {
		case a.r.stops() && q.verb != rollout.Stop:
			q.done <- rollout.ErrCanceled
		case q.activator:
			a.restartActivator(q)
		case q.verb == rollout.Stop:
			a.end(rollout.Stop)
			q.done <- nil
		case q.verb == rollout.Restart:
			if a.isActive() {
				a.end(rollout.Restart)
			}
			a.begin(q)
		default:
			a.begin(q)
		}
	}
}

// begin starts what does not run of the app. The job is over when it is up.
func (a *runningApp) begin(q appRequest) {
	a.mu.Lock()
	a.byHand, a.ending, a.leaving, a.job = false, false, "", rollout.Start
	a.mu.Unlock()
	over := func(err error) {
		a.mu.Lock()
		if a.job == rollout.Start {
			a.job = ""
		}
		a.active = a.active || !a.ending
		a.mu.Unlock()
		a.r.isUp(a.name)
		q.done <- err
	}
	if !a.supervised() {
		var starts []<-chan error
		for _, instance := range a.instances {
			s, err := a.r.service(a, instance)
			if err != nil {
				over(err)
				return
			}
			starts = append(starts, s.do(rollout.Start))
		}
		go func() {
			var failed []error
			for _, start := range starts {
				failed = append(failed, <-start)
			}
			over(errors.Join(failed...))
		}()
		return
	}
	if a.current == nil || isClosed(a.current.ended) {
		if err := a.open(); err != nil {
			a.mu.Lock()
			a.byHand, a.job = true, "" // as it was: only a stopped one is not open
			a.mu.Unlock()
			q.done <- err
			return
		}
		a.supervise()
	}
	go func(s *supervision) { over(a.whenUp(s)) }(a.current)
}

// open opens what the app's socket units say, and its control socket. Whatever is
// open stays open.
func (a *runningApp) open() error {
	if len(a.sockets) > 0 {
		return nil
	}
	var opened []descriptor
	var err error
	if a.socket != nil {
		if opened, err = openSockets(a.name+".socket", a.socket); err != nil {
			return err
		}
	}
	// Workers may be of other users; the activator looks at who connects.
	d, err := openControl(a.at.Path, 0o666)
	if err != nil {
		closeAll(opened)
		return fmt.Errorf("start %s: %w", a.name, err)
	}
	a.sockets = append(opened, d)
	return nil
}

// closeSockets gives up what open has opened.
func (a *runningApp) closeSockets() {
	closeAll(a.sockets)
	a.sockets = nil
	_ = os.Remove(a.at.Path) // somebody else may have
	if a.socket != nil && a.socket.last("Socket.RemoveOnStop") == "yes" {
		for _, path := range paths(a.socket) {
			_ = os.Remove(path)
		}
	}
}

// end ends the app, for a stop or a restart of it: first its instances, which are
// drained while the activator is there, and then that. In a restart callers wait, as
// the sockets stay open.
func (a *runningApp) end(why rollout.Verb) {
	a.mu.Lock()
	a.ending, a.active, a.job = true, false, why
	a.mu.Unlock()
	var all sync.WaitGroup
	for _, s := range a.r.servicesOf(a.name) {
		all.Go(func() { <-s.do(rollout.Stop) })
	}
	all.Wait()
	a.leave(why)
	if why == rollout.Stop {
		a.store.clear()
		a.closeSockets()
		a.r.tellStatus(a.name, "stopped")
	}
	a.mu.Lock()
	a.job = ""
	a.mu.Unlock()
	a.r.changed()
}

func (a *runningApp) isActive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.active
}

// isStopped tells whether the app neither runs nor starts.
func (a *runningApp) isStopped() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.active && a.job != rollout.Start
}

// ends tells whether no instance may be started.
func (a *runningApp) ends() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ending || a.r.stops()
}

// failure is why the activator could not begin; nil where it could.
func (a *runningApp) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

// holdsRun tells whether the run goes on for the app even where none of its
// instances runs: something may start them.
func (a *runningApp) holdsRun() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byHand || a.job != "" || a.timer != nil || lookup(a.settings, "GOPM_WATCH") != ""
}

// reload replaces the app's instances.
func (a *runningApp) reload(ctx context.Context) error {
	switch {
	case a.isStopped():
		return nil
	case a.supervised():
		err := control.Ask(ctx, a.at, control.Hello{Verb: control.Reload}, func(string) {})
		if errors.Is(err, control.ErrCanceled) || ctx.Err() != nil {
			return nil // a stop is under way
		}
		return err
	}
	return a.r.commands(ctx, a.app.reload, "ExecReload")
}

// longestSleep is after what time a timer looks at the clock again.
const longestSleep = time.Minute

// runTimer does what the app's timer starts, when it is time and the app was not
// stopped.
func (a *runningApp) runTimer() {
	when, err := newSchedule(a.timer)
	if err != nil {
		a.r.say(a.name, -1, "%s-restart.timer: %v", a.name, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for next := when.after(time.Now()); !next.IsZero(); {
		// Not all of it at once: the clock may be set, or the machine sleep.
		timer := time.NewTimer(min(time.Until(next), longestSleep))
		select {
		case <-a.r.stopping:
			timer.Stop()
			return
		case <-timer.C:
		}
		if time.Now().Before(next) {
			continue
		}
		if !a.isStopped() {
			a.r.say(a.name, -1, "%s: it is time for its cron_restart", a.name)
			if err := a.r.commands(ctx, a.restart, "ExecStart"); err != nil && !a.ends() {
				a.r.say(a.name, -1, "%s-restart.service: %v", a.name, err)
			}
		}
		next = when.after(time.Now())
	}
}
