package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
)

// runningApp is an app with what it listens on.
type runningApp struct {
	*app
	r        *Runner
	settings activator.Settings
	at       control.Address
	passed   []*os.File // for the activator
	leave    context.CancelFunc
	ended    chan struct{} // closed when the activator has
	leaving  chan struct{} // closed when it is told to
}

// open opens what an app's socket units say, and its control socket.
func (r *Runner) open(a *app, runtime control.Manager) (*runningApp, error) {
	out := &runningApp{app: a, r: r, at: runtime.Address(a.name), ended: make(chan struct{}), leaving: make(chan struct{}), leave: func() {}}
	for _, instance := range a.instances {
		if _, err := r.service(a, instance); err != nil {
			return nil, err
		}
	}
	if _, err := r.service(a, 0); err != nil { // a mistake in it is one of all
		return nil, err
	}
	if !a.supervised() {
		return out, nil
	}
	var err error
	if out.settings, err = activator.ReadSettings(a.name, func(name string) string { return lookup(a.settings, name) }); err != nil {
		return nil, err
	}
	if a.socket != nil {
		if out.passed, err = openSockets(a.name+".socket", a.socket); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("unix", out.at.Path)
	if err == nil {
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		// Workers may be of other users; the activator looks at who connects.
		err = os.Chmod(out.at.Path, 0o666)
	}
	var file *os.File
	if err == nil {
		file, err = listener.(*net.UnixListener).File()
		listener.Close()
	}
	if err == nil {
		file, err = rename(file, "control")
	}
	if err != nil {
		out.close()
		return nil, fmt.Errorf("open the control socket of %s: %w", a.name, err)
	}
	out.passed = append(out.passed, file)
	return out, nil
}

// close is for an app that never started.
func (a *runningApp) close() { closeFiles(a.passed) }

// start starts the activator, which starts the workers, or the instances.
func (a *runningApp) start(all *sync.WaitGroup) {
	if a.timer != nil {
		all.Go(a.runTimer)
	}
	if !a.supervised() {
		close(a.ended)
		all.Go(func() {
			for _, instance := range a.instances {
				if s, err := a.r.service(a.app, instance); err == nil {
					<-s.do(rollout.Start) // serve says what became of it
				}
			}
			a.r.isUp(a.name)
		})
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.leave = cancel
	all.Go(func() {
		defer close(a.ended)
		err := activator.Run(ctx, a.settings, activator.Environment{
			Getenv:  func(string) string { return "" },
			Host:    a.r.host,
			Journal: journal{a},
			Manager: manager{a},
			Passed:  a.passed,
			Notify:  a.hear,
		})
		if err != nil {
			a.r.say(a.name, -1, "the activator of %s cannot begin: %v", a.name, err)
			a.r.abandon(a.name, err)
		}
	})
}

// hear takes what the activator tells its service manager.
func (a *runningApp) hear(state string) {
	for line := range strings.Lines(state) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "READY":
			a.r.isUp(a.name)
		case "STATUS":
			a.r.tellStatus(a.name, value)
		case "EXTEND_TIMEOUT_USEC":
			a.r.notify(line)
		}
	}
}

// stop ends the app: first its instances, which are drained while the activator
// is there, and then that.
func (a *runningApp) stop() {
	var all sync.WaitGroup
	for _, s := range a.r.servicesOf(a.name) {
		all.Go(func() { <-s.do(rollout.Stop) })
	}
	all.Wait()
	close(a.leaving)
	a.leave()
	<-a.ended
	if a.socket != nil && a.socket.last("Socket.RemoveOnStop") == "yes" {
		for _, path := range paths(a.socket) {
			_ = os.Remove(path) // somebody else may have
		}
	}
}

// reload replaces the app's instances.
func (a *runningApp) reload(ctx context.Context) error {
	if a.supervised() {
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

// runTimer does what the app's timer starts, when it is time.
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
		a.r.say(a.name, -1, "%s: it is time for its cron_restart", a.name)
		if err := a.r.commands(ctx, a.restart, "ExecStart"); err != nil && !a.r.stops() {
			a.r.say(a.name, -1, "%s-restart.service: %v", a.name, err)
		}
		next = when.after(time.Now())
	}
}

// journal makes lines of what an activator writes: with its priority in front,
// as sd-daemon(3) has it.
type journal struct{ of *runningApp }

func (j journal) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 3 && line[0] == '<' && line[2] == '>' {
			line = line[3:]
		}
		j.of.r.say(j.of.name, -1, "%s", line)
	}
	return len(text), nil
}
