package activator

import (
	"slices"
	"time"

	"github.com/gopm/gopm/activator/nodeipc"
)

// While connections come, their queues are looked at every few milliseconds: the
// selector then knows who has much to do, and a worker whose event loop is blocked
// is found. Where none come, nobody looks.

const (
	// lookTick and lookTickEach, for each listener, are from one look to the next.
	lookTick     = 5 * time.Millisecond
	lookTickEach = 20 * time.Microsecond
	// quietLooks is how many looks in a row find nothing before the looking ends.
	quietLooks = 20
	// pingAfter is how long connections may wait for a worker before it is pinged,
	// and blockedAfter how long it may not answer before others take them. Both are
	// longer than most handlers compute, and than a busy machine lets a process wait.
	pingAfter    = 20 * time.Millisecond
	blockedAfter = 30 * time.Millisecond
	// tellBlocked is how long it must have been for a line in the journal.
	tellBlocked = time.Second
	// pingsPerHang is how often a worker is pinged within GOPM_HANG_TIMEOUT.
	pingsPerHang = 4
)

// lag is for how long a worker has owed the answer to a ping.
func (w *worker) lag() time.Duration {
	if w.pinged.IsZero() {
		return 0
	}
	return time.Since(w.pinged)
}

// watchTraffic looks at the queues while connections come, until Run ends.
func (a *Activator) watchTraffic() {
	for {
		a.do(a.armLookout)
		if a.lookout.wait() != nil {
			return
		}
		for quiet, listeners := 0, 0; quiet < quietLooks; quiet++ {
			if !a.do(func() {
				var queued bool
				if queued, listeners = a.countQueues(); queued {
					quiet = 0
				}
			}) {
				return
			}
			time.Sleep(lookTick + time.Duration(listeners)*lookTickEach)
		}
	}
}

// armLookout has connections noticed that come to a worker that serves. What waits
// where nobody does is no reason to look.
func (a *Activator) armLookout() {
	for instance, w := range a.workers {
		for g := range w.listens {
			if g.path == "" && w.serves(g) {
				a.report(a.lookout.arm(g.Listener(slot(instance))))
			}
		}
	}
}

// countQueues counts what waits for each worker that serves. It returns whether
// anything does, and how many listeners it has looked at.
func (a *Activator) countQueues() (queued bool, listeners int) {
	var waits []*worker // mostly nobody
	for _, g := range a.groups {
		if g.path != "" {
			continue // its queue is everybody's
		}
		queues, err := g.Count()
		a.report(err)
		listeners += len(queues)
		for s, n := range queues {
			if w := a.workers[s-slot(0)]; n > 0 && w != nil && w.serves(g) {
				waits = append(waits, w)
			}
		}
	}
	changed := false
	for _, w := range a.workers {
		switch {
		case !slices.Contains(waits, w):
			w.waited = time.Time{}
		case w.waited.IsZero():
			w.waited = time.Now()
		case time.Since(w.waited) >= pingAfter:
			a.ping(w)
		}
		if !w.waited.IsZero() && !w.stalled && w.lag() >= blockedAfter && a.anyoneFree(waits) {
			w.stalled, changed = true, true
		}
	}
	if changed {
		a.settle()
	}
	return len(waits) > 0, listeners
}

// anyoneFree tells whether a worker serves that has nothing to accept. Where all
// have, all are busy, and none could take from another.
func (a *Activator) anyoneFree(waits []*worker) bool {
	for _, w := range a.workers {
		if w.ready && !w.settling && !w.draining && !w.stalled && !slices.Contains(waits, w) {
			return true
		}
	}
	return false
}

// ping asks a worker for a sign of life, one at a time.
func (a *Activator) ping(w *worker) {
	if w.channel != nil && w.pinged.IsZero() && w.channel.Send(nodeipc.Command{Cmd: nodeipc.CmdGopm, Act: nodeipc.ActPing}) == nil {
		w.pinged = time.Now()
	}
}

// beats is the answer to a ping: the worker's event loop turns.
func (a *Activator) beats(w *worker) {
	lag := w.lag()
	w.pinged, w.waited = time.Time{}, time.Time{}
	if !w.stalled || w.draining {
		return
	}
	w.stalled = false
	if lag >= tellBlocked {
		a.journal.of(w.instance).warning("%s: its event loop was blocked for %s; the others took its connections", w.unit, lag.Round(time.Millisecond))
	}
	a.settle()
}

// checkHangs pings every worker, and replaces one that has not answered for
// GOPM_HANG_TIMEOUT.
func (a *Activator) checkHangs() {
	for _, instance := range a.everyone() {
		w := a.workers[instance]
		if w == nil || !w.ready || w.draining {
			continue
		}
		a.ping(w)
		if !a.isHung(w) || a.roll != nil || !a.up || a.healthPause.lasts(time.Now()) {
			continue
		}
		a.journal.of(instance).as(workerHung).err("%s hangs: its event loop has not turned for %s, and it is to be replaced (gopm.hang_timeout)", w.unit, w.lag().Round(time.Millisecond))
		w.stalled = true
		a.beginRoll(&roll{Roll: a.newRoll([]int{instance}), why: "hang of " + w.unit, health: true})
	}
}

// isHung tells whether a worker has not answered for so long that it never will.
func (a *Activator) isHung(w *worker) bool {
	return a.settings.HangTimeout > 0 && w.lag() >= a.settings.HangTimeout
}
