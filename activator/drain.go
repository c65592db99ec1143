package activator

import (
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

// drain is one worker's way out.
type drain struct {
	worker   *worker
	client   *client
	deadline time.Time
	done     chan struct{} // closed by finish
}

func (d *drain) finish() {
	d.worker.drain = nil
	close(d.done)
	d.client.finish(nil)
}

// drainWorker takes an instance out of rotation, lets it accept what is queued
// for it, has the agent finish what is in flight, and then answers c. Nothing
// of this can fail a stop: at the time-out c is answered all the same.
func (a *Activator) drainWorker(instance int, timeout time.Duration, c *client) {
	w := a.workers[instance]
	if w == nil {
		c.finish(nil)
		return
	}
	w.draining = true
	if !w.ready { // no connection was ever steered to it
		c.finish(nil)
		return
	}
	if w.drain != nil { // whose client has left
		w.drain.client = c
		return
	}
	d := &drain{worker: w, client: c, deadline: time.Now().Add(timeout), done: make(chan struct{})}
	w.drain = d
	a.settle()
	go a.watchDrain(d)
}

// queued tells whether connections wait for a worker to accept them.
func (w *worker) queued() bool {
	for g := range w.listens {
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
				a.journal.warning("%s still has connections after its drain time; they are cut now (gopm.drain_timeout is the time)", d.worker.unit)
				d.finish()
			}
		})
	}
}

// askToDrain has the agent do its part. From here on the worker accepts no
// more; who still waits in its queues is accepted by the activator.
func (a *Activator) askToDrain(d *drain) {
	if err := d.worker.channel.Send(nodeipc.Command{Cmd: nodeipc.CmdGopm, Act: nodeipc.ActDrain}); err != nil {
		a.journal.warning("%s cannot be asked to drain: %v", d.worker.unit, err)
		d.finish()
	}
}

// drained is the agent's report.
func (a *Activator) drained(w *worker) {
	if w.drain != nil {
		w.drain.finish()
	}
}
