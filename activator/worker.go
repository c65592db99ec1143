package activator

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/systemd"
)

// readyText is what an app sends when it is ready, as with PM2.
const readyText = "ready"

// worker is one instance that runs: in cluster mode, whose channel is open.
type worker struct {
	run
	unit string
	pid  int
	// restarts is systemd.State.Restarts of this run.
	restarts int
	// channel is nil where an instance in fork mode has closed it.
	channel *nodeipc.Channel
	// process is what ends an instance in fork mode; stopped by endWorker.
	process *pidfd
	told    *rate.Sometimes // lines that it has caused

	saidReady bool
	online    bool
	ready     bool
	given     map[*group]bool // has a listener of the group
	listens   map[*group]bool // and accepts on it
	listening bool            // in fork mode: it accepts on a listener of a socket unit
	waits     []*client
	never     error // why it cannot become ready any more

	// settling: a surge worker, which serves nobody before the canary has shown that
	// it stays up.
	settling bool
	// ended is called when the worker ends by itself; nil where nobody waits.
	ended func()

	draining  bool
	dismissed bool // as a surge worker, with no roll to stand in for
	drain     *drain
	// stalled: its queue does not move, so the others take turns at it.
	stalled bool
	pinged  time.Time       // and not answered; zero where no answer is owed
	waited  time.Time       // since when connections wait for it, as far as known
	health  *health         // nil where it is not asked
	turns   map[place]int64 // its turns that it has yet to take
	probes  map[int64]*probe

	// datagrams are the UDP sockets that it has; true: its app has bound them.
	datagrams map[*datagram]bool
	lent      map[string]lent // by key

	said  said
	asked time.Time // what it measures, and not answered; zero where no answer is owed
}

// run is one run of an instance's unit.
type run struct {
	instance   int
	invocation string // systemd's ID of it
}

// serves tells whether new connections of a group may go to the worker.
func (w *worker) serves(g *group) bool {
	return w.ready && !w.settling && !w.draining && w.listens[g]
}

// accepts tells whether the worker takes what is queued for it.
func (w *worker) accepts(g *group) bool { return w.listens[g] && !w.stalled }

// The names of what is kept for a worker in the descriptor store. A mark is a
// name that stands for itself.

func (w *worker) channelName() string { return fmt.Sprintf("channel-%d-%s", w.instance, w.invocation) }

func (w *worker) readyMark() string { return fmt.Sprintf("ready-%d-%s", w.instance, w.invocation) }

// at is where a group or a UDP socket is (their plain).
func (w *worker) givenMark(at string) string {
	return fmt.Sprintf("given-%d-%s-%s", w.instance, w.invocation, at)
}

func (w *worker) listensMark(at string) string {
	return fmt.Sprintf("listens-%d-%s-%s", w.instance, w.invocation, at)
}

// listeningMark is for an instance in fork mode: which of the listeners is all
// the same.
func (w *worker) listeningMark() string {
	return fmt.Sprintf("listens-%d-%s", w.instance, w.invocation)
}

// newWorker is a worker behind conn, which it takes over, as systemd knows its unit.
func (a *Activator) newWorker(instance int, state systemd.State, conn *net.UnixConn) (*worker, error) {
	channel, err := nodeipc.New(conn)
	if err != nil {
		return nil, err
	}
	return &worker{
		run:       run{instance, state.Invocation},
		unit:      a.settings.unit(instance),
		pid:       state.PID,
		restarts:  state.Restarts,
		channel:   channel,
		told:      seldom(),
		given:     make(map[*group]bool),
		listens:   make(map[*group]bool),
		turns:     make(map[place]int64),
		probes:    make(map[int64]*probe),
		datagrams: make(map[*datagram]bool),
		lent:      make(map[string]lent),
	}, nil
}

// dear is for how many other lines a line counts that says something new: all
// that follows from the state is looked at again.
const dear = 10

// serve reads a worker's channel until it ends.
func (a *Activator) serve(w *worker, adopted bool) {
	// Only the app's own message can be so long that a kill of the predecessor
	// left half of it; it is not missed.
	halfLine := adopted
	w.channel.OnSlow = func() {
		a.journal.of(w.instance).warning("%s sends more messages than its channel takes; they are read slower, and wait in its memory", w.unit)
	}
	err := w.channel.Serve(func(line []byte) error {
		m, err := nodeipc.Parse(line)
		if err != nil && halfLine {
			err, m = nil, nodeipc.Message{}
		}
		halfLine = false
		if err != nil {
			return err
		}
		if m.FromApp() && m.App.Text != readyText {
			if news := digest(m.App); len(news) > 0 {
				w.channel.Count(dear)
				a.do(func() { a.hear(w, news) })
			}
			return nil
		}
		if !m.IsAnswer() {
			w.channel.Count(dear)
		}
		var handled error
		if !a.do(func() { handled = a.handle(w, m) }) {
			return a.ctx.Err()
		}
		return handled
	})
	a.do(func() {
		if a.settings.Fork {
			a.loseChannel(w, err)
		} else {
			a.endWorker(w, err)
			go a.endOrphan(w)
		}
	})
}

// handle acts on one message of a worker. An error closes its channel, and so
// ends it.
func (a *Activator) handle(w *worker, m nodeipc.Message) error {
	if a.workers[w.instance] != w {
		return errors.New("its channel has been replaced")
	}
	// What comes with each connection has to be cheap.
	switch {
	case m.Cmd == nodeipc.CmdAck:
		return nil
	case m.Cmd == nodeipc.CmdCluster && m.Ack != nil && !a.settings.Fork:
		w.acknowledged(*m.Ack, m.Accepted)
		return nil
	case m.Cmd == nodeipc.CmdGopm && m.Act == nodeipc.ActTook:
		a.took(w, m.Seq, m.Accepted)
		return nil
	case m.Cmd == nodeipc.CmdGopm && m.Act == nodeipc.ActPong:
		a.beats(w)
		return nil
	case m.Cmd == nodeipc.CmdGopm && m.Act == nodeipc.ActMeasured:
		a.measured(w, m.Measures)
		return nil
	}
	defer a.settle()
	switch {
	case m.FromApp(): // readyText
		if !w.saidReady {
			w.saidReady = true
			a.report(a.notifier.mark(w.readyMark()))
		}
	case m.Cmd == nodeipc.CmdHandle:
		// The app sends a handle to its primary, which has no use for it. A
		// NACK would make Node send it again, three times.
		return w.channel.Send(nodeipc.Command{Cmd: nodeipc.CmdAck})
	case m.Cmd == nodeipc.CmdGopm && m.Act == nodeipc.ActDrained:
		a.drained(w)
	case m.Cmd == nodeipc.CmdGopm && a.settings.Fork:
		if err := a.handleHeld(w, m); err != nil {
			return err
		}
	case m.Cmd == nodeipc.CmdCluster && a.settings.Fork:
		return fmt.Errorf("it says %s %s, as a cluster's worker does, but this is fork mode (GOPM_MODE=fork)", m.Cmd, m.Act)
	case m.Cmd == nodeipc.CmdCluster:
		return a.handleCluster(w, m)
	}
	a.checkReady(w)
	return nil
}

func (a *Activator) handleCluster(w *worker, m nodeipc.Message) error {
	switch m.Act {
	case nodeipc.ActOnline:
		w.online = true
	case nodeipc.ActQueryServer:
		if isDatagram(m) {
			return a.queryDatagram(w, m)
		}
		return a.queryServer(w, m)
	case nodeipc.ActListening:
		if isDatagram(m) {
			a.bound(w, m)
			break
		}
		for g := range w.given {
			if g.isAsked(m) && !w.listens[g] {
				w.listens[g] = true
				a.report(a.notifier.mark(w.listensMark(g.plain())))
			}
		}
	case nodeipc.ActClose:
		for _, g := range a.groups {
			if g.key() == m.Key {
				a.withdraw(w, g)
			}
		}
		a.unbound(w, m.Key)
	case nodeipc.ActExited:
		// worker.disconnect() waits for this answer.
		return w.channel.Send(nodeipc.NewReply(m, "", 0))
	}
	a.checkReady(w)
	return nil
}

// isReady is the rule, but for a health check: what wait_ready says; else, in fork mode, it was started
// (where a roll overlaps it listens: who goes then is not missed); else it
// listens on a declared port; else, where none is declared, it is online.
func (a *Activator) isReady(w *worker) bool {
	if a.settings.WaitReady {
		return w.saidReady
	}
	if a.settings.Fork {
		return !a.overlaps() || w.listening
	}
	declared, listens := a.declaresPort(w)
	return listens || !declared && w.online
}

func (a *Activator) checkReady(w *worker) {
	if w.ready || !a.isReady(w) {
		return
	}
	if a.settings.Health != nil && (w.health == nil || !w.health.answered) {
		a.watchHealth(w, false)
		return
	}
	w.ready = true
	a.journal.of(w.instance).info("%s is ready (pid %d)", w.unit, w.pid)
	for _, c := range w.waits {
		c.finish(nil)
	}
	w.waits = nil
}

// errAttachedAgain: exec has come twice, since the activator was killed before
// it had answered.
var errAttachedAgain = errors.New("it has attached again")

// endWorker forgets a worker whose channel, or in fork mode whose process, has
// ended, for the reason given.
func (a *Activator) endWorker(w *worker, reason error) {
	if a.workers[w.instance] != w {
		return
	}
	delete(a.workers, w.instance)
	if w.channel != nil {
		w.channel.Close()
	}
	if w.process != nil {
		w.process.stop()
	}
	j := a.journal.of(w.instance)
	switch {
	case errors.Is(reason, errAttachedAgain):
	case a.settings.Fork:
		j.info("%s has ended (pid %d)", w.unit, w.pid)
	case errors.Is(reason, io.EOF) && w.draining:
		j.info("%s has ended", w.unit)
	case errors.Is(reason, io.EOF):
		j.as(workerCrashed).warning("%s has ended without a drain; if it crashed, it is started again as its Restart= says", w.unit)
	default:
		j.as(workerCrashed).err("%s: channel closed, which ends the worker: %v", w.unit, reason)
	}
	a.report(a.notifier.forget(w.channelName()))
	a.report(a.notifier.forget(w.readyMark()))
	if w.listening {
		a.report(a.notifier.forget(w.listeningMark()))
		a.lengthenQueues()
	}
	for _, g := range a.groups {
		a.withdraw(w, g)
	}
	a.unbindAll(w)
	for _, c := range w.waits {
		c.finish(fmt.Errorf("%s ended before it was ready; what it printed says why", w.unit))
	}
	if w.drain != nil {
		w.drain.finish()
	}
	if !w.draining && !errors.Is(reason, errAttachedAgain) {
		a.followEnd(w.instance)
		if w.ended != nil {
			w.ended()
		}
	}
	for turn := range w.probes {
		w.acknowledged(turn, false)
	}
	a.settle()
}

// close lets go of a worker that goes on. Who waits for it asks the next activator.
func (w *worker) close() {
	for _, c := range w.waits {
		c.conn.Close()
	}
	if w.drain != nil {
		w.drain.farewell.client.conn.Close()
	}
	if w.channel != nil {
		w.channel.Close()
	}
	if w.process != nil {
		w.process.stop()
	}
	for _, l := range w.lent {
		unix.Close(l.fd)
	}
	for turn := range w.probes {
		w.acknowledged(turn, false)
	}
}

// withdraw forgets that a worker has a listener of a group.
func (a *Activator) withdraw(w *worker, g *group) {
	if w.listens[g] {
		delete(w.listens, g)
		a.report(a.notifier.forget(w.listensMark(g.plain())))
	}
	if w.given[g] {
		delete(w.given, g)
		a.report(a.notifier.forget(w.givenMark(g.plain())))
	}
}

// wait answers c when the given run of an instance is ready, or has ended.
func (a *Activator) wait(instance int, invocation string, c *client) {
	w := a.workers[instance]
	switch {
	case w == nil || w.invocation != invocation:
		// exec has yet to come. Should it never, wait sees its process end.
		a.early[c] = run{instance, invocation}
	case w.ready:
		c.finish(nil)
	case w.never != nil:
		c.finish(w.never)
	default:
		w.waits = append(w.waits, c)
	}
}

// forgetEarly drops a wait whose client has left.
func (a *Activator) forgetEarly(c *client) { delete(a.early, c) }
