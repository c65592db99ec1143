package activator

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// In fork mode an instance is its process, not its channel: a program may close
// that, or never look at it (Python, a shell). What its socket units declare is
// in held.go.

// startedMark tells a successor that the app was started.
const startedMark = "started-app"

// endGrace is how much later than its descriptors a process may end: exit(2)
// closes them first.
const endGrace = time.Second

// otherMode is the answer to an instance whose unit has another mode than the
// activator.
func (a *Activator) otherMode(instance int) error {
	unit, mode := "without --fork", "fork"
	if !a.settings.Fork {
		unit, mode = "with --fork", "cluster"
	}
	return fmt.Errorf("%s calls exec %s, but its activator runs in %s mode (GOPM_MODE=); if the units were changed: systemctl daemon-reload, then systemctl restart %s",
		a.settings.unit(instance), unit, mode, a.settings.target())
}

// inheritFork takes over what a predecessor has stored, and the instances that
// run without a channel.
func (a *Activator) inheritFork(stored map[string]int, states map[int]systemd.State) error {
	if take(stored, startedMark) {
		// A restart of the whole app stops its target, and starts it after the
		// activator; a kill or an upgrade of the activator leaves it alone.
		var err error
		if a.takesOver, err = a.manager.IsActive(a.ctx, a.settings.target()); err != nil {
			return err
		}
	}
	for name := range stored {
		if begun, ok := parseRollMark(name); ok && a.takesOver && !a.overlaps() {
			a.interrupted = begun
		}
	}
	a.adoptWorkers(stored, states)
	for instance, state := range states {
		if state.Active == "active" && state.PID > 0 {
			a.adoptActive(instance, state)
		}
	}
	for _, w := range a.workers {
		a.follow(w)
	}
	a.forgetRest(stored)
	return nil
}

// markRoll leaves a trace of a roll of all instances in their places: when it
// began. What is older is left to do, should this process be killed.
func (a *Activator) markRoll(r *roll, total int) {
	if a.overlaps() || total < a.count {
		return
	}
	now, err := systemd.Monotonic()
	if err != nil {
		a.report(err)
		return
	}
	r.mark = rollMark(now)
	a.report(a.notifier.mark(r.mark))
}

func rollMark(begun uint64) string { return fmt.Sprintf("rolling-%d", begun) }

func parseRollMark(name string) (begun uint64, ok bool) {
	_, err := fmt.Sscanf(name, "rolling-%d", &begun)
	return begun, err == nil
}

// resumeFork goes on with the roll that a predecessor was killed in, unless an
// instance has failed meanwhile.
func (a *Activator) resumeFork(states map[int]systemd.State) {
	if a.interrupted == 0 {
		return
	}
	left, failed := leftToRoll(a.count, a.interrupted, states)
	a.interrupted = 0
	switch {
	case failed >= 0:
		a.aborted = fmt.Sprintf("%s has failed", a.settings.unit(failed))
		a.journal.as(rolloutAborted).err("resumed reload: aborted: %s; the activator was killed during the reload, and %d of %d instances are still to restart: reload again", a.aborted, len(left), a.count)
	case len(left) > 0:
		a.beginRoll(&roll{Roll: rollout.InPlace(a.parallel, left), why: "resumed reload"})
	}
}

// leftToRoll are the instances that began before a roll did, and one that has
// failed since, or -1.
func leftToRoll(count int, begun uint64, states map[int]systemd.State) (left []int, failed int) {
	failed = -1
	for instance := range count {
		state, known := states[instance]
		switch {
		case known && state.Begun >= begun && state.Active == "failed":
			failed = instance
		case known && state.Begun < begun && state.Runs():
			left = append(left, instance)
		}
	}
	return left, failed
}

// adoptActive takes over an instance that systemd calls active: it is ready,
// whether or not it has a channel to say so.
func (a *Activator) adoptActive(instance int, state systemd.State) {
	w := a.workers[instance]
	if w == nil {
		w = &worker{run: run{instance, state.Invocation}, unit: a.settings.unit(instance), pid: state.PID, restarts: state.Restarts}
		a.workers[instance] = w
	}
	w.saidReady, w.ready = true, true
}

// follow notices the end of an instance's process.
func (a *Activator) follow(w *worker) {
	var err error
	w.process, err = watchProcess(w.pid, func() {
		a.do(func() { a.endWorker(w, errGone) })
	})
	switch {
	case errors.Is(err, errGone):
		a.endWorker(w, err)
	case err != nil:
		a.journal.of(w.instance).err("%s: its end will not be noticed: %v", w.unit, err)
	}
}

// loseChannel forgets the channel of an instance that has closed it, or said
// what it must not. The process goes on without.
func (a *Activator) loseChannel(w *worker, reason error) {
	if a.workers[w.instance] != w || a.ctx.Err() != nil {
		return
	}
	a.report(a.notifier.forget(w.channelName()))
	w.channel.Close()
	w.channel = nil
	if w.drain != nil {
		w.drain.finish() // nothing more will be heard of it
	}
	if !errors.Is(reason, io.EOF) {
		a.journal.of(w.instance).err("%s: its channel is closed: %v; its process goes on without", w.unit, reason)
	}
	time.AfterFunc(endGrace, func() {
		a.do(func() {
			if a.workers[w.instance] == w {
				a.goOnWithout(w)
			}
		})
	})
}

// goOnWithout is for an instance that runs and has no channel.
func (a *Activator) goOnWithout(w *worker) {
	if w.ready {
		a.journal.of(w.instance).info("%s has no channel any more (process.disconnect) and goes on without", w.unit)
		return
	}
	err := fmt.Errorf(`%s has no channel any more and can never send "ready": have it send that before process.disconnect, or do without wait_ready (GOPM_WAIT_READY)`, w.unit)
	if !a.settings.WaitReady {
		err = fmt.Errorf("%s has no channel any more and can never say that it listens: have it listen before process.disconnect, or do without surge (GOPM_SURGE)", w.unit)
	}
	a.journal.of(w.instance).err("%v", err)
	w.never = err
	for _, c := range w.waits {
		c.finish(err)
	}
	w.waits = nil
}
