package activator

import (
	"time"

	"golang.org/x/sys/unix"
)

// orphanPatience is how long a process may live on after it was sent SIGINT.
const orphanPatience = 5 * time.Second

// endOrphan ends a worker's process that lives on without its channel. Node ends
// with it, but not where its event loop hangs or its app has seen to that: then
// nobody would serve in its place. What comes next is for systemd's Restart= and
// start limits, as with any crash.
func (a *Activator) endOrphan(w *worker) {
	signal := unix.SIGINT
	for wait := endGrace; ; wait = orphanPatience {
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(wait):
		}
		replaced := false
		if !a.do(func() { replaced = a.workers[w.instance] != nil }) || replaced {
			return
		}
		state, err := a.manager.State(a.ctx, w.unit)
		switch {
		case a.ctx.Err() != nil:
			return
		case err != nil:
			a.report(err)
			return
		case state.Invocation != w.invocation || state.PID != w.pid:
			return // it has ended
		case state.Active != "active":
			continue // systemd is about to end it
		}
		a.journal.of(w.instance).warning("%s lives on without its channel, and gets %s (pid %d)", w.unit, unix.SignalName(signal), w.pid)
		if err := a.manager.Kill(a.ctx, w.unit, signal); err != nil {
			a.report(err)
			return
		}
		signal = unix.SIGKILL
	}
}
