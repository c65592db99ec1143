package activator

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/gopm/gopm/activator/nodeipc"
)

// readyText is what an app sends when it is ready, as with PM2.
const readyText = "ready"

// worker is one instance that runs: in cluster mode, whose channel is open.
type worker struct {
	run
	unit string
	pid  int
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

	// settling: the canary of a roll, which serves nobody before it has shown
	// that it stays up.
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

	said said
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

func (w *worker) givenMark(g *group) string {
	return fmt.Sprintf("given-%d-%s-%s", w.instance, w.invocation, g.plain())
}

func (w *worker) listensMark(g *group) string {
	return fmt.Sprintf("listens-%d-%s-%s", w.instance, w.invocation, g.plain())
}

// listeningMark is for an instance in fork mode: which of the listeners is all
// the same.
func (w *worker) listeningMark() string {
	return fmt.Sprintf("listens-%d-%s", w.instance, w.invocation)
}

// newWorker is a worker behind conn, which it takes over.
func (a *Activator) newWorker(instance int, invocation string, conn *net.UnixConn) (*worker, error) {
	peer, err := peerOf(conn)
	if err != nil {
		return nil, err
	}
	channel, err := nodeipc.New(conn)
	if err != nil {
		return nil, err
	}
	return &worker{
		run:       run{instance, invocation},
		unit:      a.settings.unit(instance),
		pid:       int(peer.Pid),
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

// adoptWorkers takes over the channels that a predecessor stored. stored keeps
// what belongs to nobody.
func (a *Activator) adoptWorkers(stored map[string]int, states map[int]unitState) {
	for name, fd := range stored {
		instance, invocation, ok := parseChannelName(name)
		if !ok || a.settings.Fork && states[instance].invocation != invocation {
			continue
		}
		delete(stored, name)
		file := os.NewFile(uintptr(fd), name)
		conn, err := net.FileConn(file)
		file.Close()
		var w *worker
		if err == nil {
			w, err = a.newWorker(instance, invocation, conn.(*net.UnixConn))
		}
		if err != nil {
			a.journal.of(instance).err("adopt %s: %v", a.settings.unit(instance), err)
			continue
		}
		w.online = true
		w.saidReady = take(stored, w.readyMark())
		w.listening = a.settings.Fork && take(stored, w.listeningMark())
		for _, g := range a.groups {
			if take(stored, w.givenMark(g)) && (g.path != "" || slot(instance) < g.Slots()) {
				w.given[g] = true
				w.listens[g] = take(stored, w.listensMark(g))
			}
		}
		a.adoptBound(w, stored)
		w.ready = a.isReady(w)
		if a.settings.Health != nil {
			// Only what answers is ready, and only what is ready is active.
			w.ready = w.ready && states[instance].active != "activating"
		}
		// It was being drained; its drain asks again.
		w.draining = states[instance].active == "deactivating"
		a.workers[instance] = w
		go a.serve(w, true)
	}
}

// take removes a mark from stored and closes what it stood on. In the store it
// remains.
func take(stored map[string]int, name string) bool {
	fd, ok := stored[name]
	if ok {
		delete(stored, name)
		unix.Close(fd)
	}
	return ok
}

// parseChannelName reads "channel-INSTANCE-INVOCATION".
func parseChannelName(name string) (instance int, invocation string, ok bool) {
	rest, ok := strings.CutPrefix(name, "channel-")
	if !ok {
		return 0, "", false
	}
	number, invocation, ok := strings.Cut(rest, "-")
	instance, err := strconv.Atoi(number)
	return instance, invocation, ok && err == nil
}

// attachWorker makes the connection of c the channel of an instance. It is in
// the store before it is answered: from then on a kill of the activator loses
// nothing, and before it exec closes its end and tries again. Only then has a
// run a second channel.
func (a *Activator) attachWorker(instance int, invocation string, fork bool, c *client) {
	if err := a.mayAttach(run{instance, invocation}, fork); err != nil {
		a.refused.Do(func() { a.journal.of(instance).warning("control socket: %v", err) })
		c.finish(err)
		return
	}
	w, err := a.newWorker(instance, invocation, c.conn)
	if err != nil {
		c.finish(err)
		return
	}
	if old := a.workers[instance]; old != nil {
		reason := errors.New("another run of its unit has begun")
		if old.run == w.run {
			reason = errAttachedAgain
		}
		a.endWorker(old, reason)
	}
	if err := keepConn(a.notifier, w.channelName(), c.conn); err != nil {
		a.report(err)
		c.finish(err)
		w.channel.Close()
		return
	}
	a.workers[instance] = w
	w.settling = a.roll != nil && a.roll.OnTrial(instance)
	for c, run := range a.early {
		if run == w.run {
			delete(a.early, c)
			w.waits = append(w.waits, c)
		}
	}
	a.answerAttached(c)
	_ = c.conn.SetDeadline(time.Time{})
	go a.serve(w, false)
	if a.settings.Fork {
		a.follow(w)
		if a.workers[instance] == w {
			a.checkReady(w)
		}
	}
}

// mayAttach tells why a run gets no channel.
func (a *Activator) mayAttach(r run, fork bool) error {
	if fork != a.settings.Fork {
		return a.otherMode(r.instance)
	}
	if old := a.workers[r.instance]; old != nil && old.run == r && old.channel != nil && !old.channel.Ended() {
		return fmt.Errorf("%s has its channel already; a second one is refused", old.unit)
	}
	return nil
}

func keepConn(n notifier, name string, conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var keepErr error
	err = raw.Control(func(fd uintptr) { keepErr = n.keep(name, int(fd)) })
	return errors.Join(err, keepErr)
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
				a.report(a.notifier.mark(w.listensMark(g)))
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
// it could answer.
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
		j.as(workerCrashed).warning("%s has ended without a drain; if it crashed, systemd starts it again as its Restart= says", w.unit)
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
		c.finish(fmt.Errorf("%s ended before it was ready; see journalctl -u %s", w.unit, w.unit))
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

// withdraw forgets that a worker has a listener of a group.
func (a *Activator) withdraw(w *worker, g *group) {
	if w.listens[g] {
		delete(w.listens, g)
		a.report(a.notifier.forget(w.listensMark(g)))
	}
	if w.given[g] {
		delete(w.given, g)
		a.report(a.notifier.forget(w.givenMark(g)))
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
