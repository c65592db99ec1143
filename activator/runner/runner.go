// Package runner runs units where systemd does not: it reads what gopm-gen has
// made, and does with processes of its own what systemd does with units. The
// activators are the same; they run in this process.
//
// Not done is what only root on a whole machine can: the sandbox, accounts,
// folders of tmpfiles.d(5), logrotate(8).
package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// Options are what a run is given of the world.
type Options struct {
	// Units are the files of a set.
	Units []units.File
	// Runtime is where control sockets are.
	Runtime control.Manager
	// Activator and Agent are gopm-activator and agent.cjs on this machine.
	Activator, Agent string
	// Environ is what apps get beside their units' own.
	Environ []string
	// Host is the root of the file system.
	Host fs.FS
	// Lines takes each line. It must not block for long.
	Lines func(Line)
	// Notify is told what sd_notify(3) calls a state, such as READY=1.
	Notify func(state string)
	// Reload: all apps are rolled for each value. Hurry: what still runs is killed.
	Reload <-chan struct{}
	Hurry  <-chan struct{}
}

// ErrFailed tells that an instance has failed for good, or had to be killed.
var ErrFailed = errors.New("failed")

// Runner is a run of all units.
type Runner struct {
	reaper  *reaper
	census  *census
	tools   tools
	host    fs.FS
	environ []string
	secrets map[string]string
	lines   func(Line)
	notify  func(state string)
	hurry   <-chan struct{}

	apps     []*runningApp
	stopping chan struct{} // closed when everything ends
	news     chan struct{} // has one where a state has changed
	readers  sync.WaitGroup
	tails    *tails

	mu       sync.Mutex // guards what follows
	services map[string]*service
	status   map[string]string
	up       map[string]bool // the app's start is over
	told     map[string]bool
	shown    string // the status, as it was last told
}

// Run runs the units until ctx ends, and then ends them in order, or until each
// of them has ended. The error is ErrFailed where one has failed, else it could
// not begin.
func Run(ctx context.Context, o Options) error {
	set, secrets := newSet(o.Units)
	apps, err := set.apps()
	if err != nil {
		return err
	}
	apps = slices.DeleteFunc(apps, func(a *app) bool { return !a.starts })
	if len(apps) == 0 {
		return errors.New("there is no app to start (autostart: false)")
	}
	reaper, err := newReaper()
	if err != nil {
		return err
	}
	defer reaper.stop()
	r := &Runner{
		reaper: reaper, census: newCensus(os.DirFS("/proc")), tools: tools{o.Activator, o.Agent, o.Runtime.Runtime}, host: o.Host,
		environ: inherited(o.Environ), secrets: secrets, lines: o.Lines, notify: o.Notify, hurry: o.Hurry,
		stopping: make(chan struct{}), news: make(chan struct{}, 1), tails: newTails(apps),
		services: map[string]*service{}, status: map[string]string{}, up: map[string]bool{}, told: map[string]bool{},
	}
	if err := r.open(apps, o.Runtime); err != nil {
		return err
	}
	own, err := listenOn(o.Runtime.Own())
	if err != nil {
		r.closeSockets()
		return err
	}
	defer own.Close()
	go own.Serve(nil, r.greet)
	var timers sync.WaitGroup
	for _, a := range r.apps {
		go a.serve()
		go func() { _ = a.do(appRequest{verb: rollout.Start}) }() // its instances say what became of it
		if a.timer != nil {
			timers.Go(a.runTimer)
		}
	}
	r.follow(ctx, o.Reload)
	r.notify("STOPPING=1\nSTATUS=draining")
	close(r.stopping)
	var all sync.WaitGroup
	for _, a := range r.apps {
		all.Go(func() { _ = a.do(appRequest{verb: rollout.Stop}) })
	}
	all.Wait()
	timers.Wait()
	r.flush()
	r.tails.close()
	return r.verdict()
}

// open opens what all apps listen on, so that nothing is started where that fails.
func (r *Runner) open(apps []*app, runtime control.Manager) error {
	for _, a := range apps {
		running, err := r.newApp(a, runtime)
		if err == nil && a.supervised() {
			err = running.open()
		}
		if err != nil {
			r.closeSockets()
			return err
		}
		r.apps = append(r.apps, running)
	}
	return nil
}

func (r *Runner) closeSockets() {
	for _, a := range r.apps {
		a.closeSockets()
	}
}

// follow returns when the run is to end.
func (r *Runner) follow(ctx context.Context, reload <-chan struct{}) {
	ready := false
	rolls := make(chan struct{}, 1)
	rolling, again := false, false
	roll := func() {
		rolling = true
		r.notify("RELOADING=1\n" + reloadTime())
		go func() {
			r.reload(ctx)
			rolls <- struct{}{}
		}()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-reload:
			if again = rolling; !rolling {
				roll()
			}
		case <-rolls:
			rolling = false
			r.notify("READY=1")
			if again {
				again = false
				roll()
			}
		case <-r.news:
			up, over := r.progress()
			if up && !ready {
				ready = true
				r.notify("READY=1")
			}
			if over && !rolling {
				return
			}
		}
	}
}

// reloadTime is the line that goes with RELOADING=1 (sd_notify(3)).
func reloadTime() string {
	now, err := systemd.Monotonic()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("MONOTONIC_USEC=%d", now)
}

// reload rolls one app after the other.
func (r *Runner) reload(ctx context.Context) {
	for _, a := range r.apps {
		if ctx.Err() != nil {
			return
		}
		if err := a.reload(ctx); err != nil {
			r.say(a.name, -1, "reload of %s: %v", a.name, err)
		}
	}
}

// progress tells whether every app is up, and whether nothing runs any more that
// could start again, by itself or by who has stopped it. It also says how things are.
func (r *Runner) progress() (up, over bool) {
	r.mu.Lock()
	up = len(r.up) == len(r.apps)
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(r.status)) {
		texts = append(texts, name+": "+r.status[name])
	}
	services := maps.Clone(r.services)
	status := strings.Join(texts, "; ")
	news := status != r.shown
	r.shown = status
	r.mu.Unlock()
	if news {
		r.notify("STATUS=" + status)
	}
	over = up
	for _, a := range r.apps {
		over = over && !a.holdsRun()
	}
	for _, s := range services {
		over = over && !s.holdsRun()
	}
	return up, over
}

// verdict is ErrFailed with the units that have failed.
func (r *Runner) verdict() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failed []string
	for _, a := range r.apps {
		if err := a.failure(); err != nil {
			failed = append(failed, fmt.Sprintf("%s (%v)", a.name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.services)) {
		if state, how := r.services[name].look(); state.Active == "failed" {
			failed = append(failed, fmt.Sprintf("%s (%s)", name, how))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrFailed, strings.Join(failed, ", "))
}

// changed has follow look.
func (r *Runner) changed() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// stops tells whether everything ends.
func (r *Runner) stops() bool { return isClosed(r.stopping) }

// say is a line of gopm's own.
func (r *Runner) say(app string, instance int, format string, args ...any) {
	line := Line{At: time.Now(), App: app, Instance: instance, Kind: Process, Text: fmt.Appendf(nil, format, args...)}
	r.tails.add(line)
	r.print(line)
}

// print hands a line on whose app is named as its units are.
func (r *Runner) print(line Line) {
	for _, a := range r.apps {
		if a.name == line.App {
			line.App = a.title
			break
		}
	}
	r.lines(line)
}

// once does what need not be done twice for the same reason.
func (r *Runner) once(why string, do func()) {
	r.mu.Lock()
	told := r.told[why]
	r.told[why] = true
	r.mu.Unlock()
	if !told {
		do()
	}
}

// lastWords is how long streams may stay open after the last process of a unit:
// one that nobody could find may have them.
const lastWords = 2 * time.Second

// flush waits for what processes have written last.
func (r *Runner) flush() {
	done := make(chan struct{})
	go func() { r.readers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(lastWords):
	}
}
