package activator

import (
	"errors"
	"time"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

const (
	// queueTick is how often a leaving worker's queues are looked at.
	queueTick = 2 * time.Millisecond
	// queuePatience is how long a worker may take to accept what already waits
	// in its queues. After it the activator accepts in its place.
	queuePatience = time.Second
)

// shutdownText is what PM2 sends an app in place of a signal where
// shutdown_with_message is set.
const shutdownText = "shutdown"

// errNoChannel is why a worker cannot be told anything.
var errNoChannel = errors.New("it has no channel")

// farewell is who asked for a drain, and whether the app gets a message then.
type farewell struct {
	client  *client
	message bool
}

// say answers the client. w is nil where the worker is gone.
func (f farewell) say(w *worker) {
	if !f.message {
		f.client.finish(nil)
		return
	}
	err := errNoChannel
	if w != nil && w.channel != nil {
		err = w.channel.Send(shutdownText)
	}
	f.client.finish(err)
}

// drain is one worker's way out.
type drain struct {
	worker   *worker
	farewell farewell
	deadline time.Time
	done     chan struct{} // closed by finish
}

func (d *drain) finish() {
	d.worker.drain = nil
	close(d.done)
	d.farewell.say(d.worker)
}

// drainWorker takes an instance out of rotation, lets it accept what is queued
// for it, has the agent finish what is in flight, and then says farewell.
// Nothing of this can fail a stop: at the time-out it is said all the same.
func (a *Activator) drainWorker(instance int, timeout time.Duration, f farewell) {
	w := a.workers[instance]
	if w == nil {
		f.say(nil)
		return
	}
	w.draining = true
	// To a worker that was never ready no connection was steered, and one that
	// hangs would finish nothing. An instance in fork mode that took no listener
	// over has no agent, or nothing to drain.
	if !w.ready || a.settings.Fork && !w.listening || w.channel == nil || timeout <= 0 || a.hangs(w) {
		f.say(w)
		return
	}
	if w.drain != nil { // whose client has left
		w.drain.farewell = f
		return
	}
	d := &drain{worker: w, farewell: f, deadline: time.Now().Add(timeout), done: make(chan struct{})}
	w.drain = d
	a.settle()
	go a.watchDrain(d)
}

// queued tells whether connections wait for this worker to accept them.
func (w *worker) queued() bool {
	for g := range w.listens {
		if g.path != "" {
			continue // its queue is everybody's
		}
		if n, err := steer.Queue(g.Listener(slot(w.instance))); err == nil && n > 0 {
			return true
		}
	}
	return false
}

func (a *Activator) watchDrain(d *drain) {
	patience := min(queuePatience, time.Until(d.deadline))
	stalled := true
	for begun := time.Now(); stalled && time.Since(begun) < patience; {
		a.do(func() { stalled = d.worker.queued() })
		time.Sleep(queueTick)
	}
	a.do(func() {
		if d.worker.drain == d {
			d.worker.stalled = stalled
			a.askToDrain(d)
			a.settle()
		}
	})
	timeout := time.NewTimer(time.Until(d.deadline))
	defer timeout.Stop()
	select {
	case <-d.done:
	case <-a.ctx.Done():
	case <-timeout.C:
		a.do(func() {
			if d.worker.drain == d {
				a.journal.of(d.worker.instance).warning("%s still has connections after its drain time; they are cut now (gopm.drain_timeout is the time)", d.worker.unit)
				d.finish()
			}
		})
	}
}

// askToDrain has the agent do its part. From here on the worker accepts no
// more; who still waits in its queues is accepted by the activator.
func (a *Activator) askToDrain(d *drain) {
	if err := d.worker.channel.Send(nodeipc.Command{Cmd: nodeipc.CmdGopm, Act: nodeipc.ActDrain}); err != nil {
		a.journal.of(d.worker.instance).warning("%s cannot be asked to drain: %v", d.worker.unit, err)
		d.finish()
	}
	a.lengthenQueues()
}

// drained is the agent's report.
func (a *Activator) drained(w *worker) {
	if w.drain != nil {
		w.drain.finish()
	}
}
