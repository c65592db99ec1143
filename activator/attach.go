package activator

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/systemd"
)

// adoptWorkers takes over the channels that a predecessor stored. stored keeps
// what belongs to nobody.
func (a *Activator) adoptWorkers(stored map[string]int, states map[int]systemd.State) {
	for name, fd := range stored {
		instance, invocation, ok := parseChannelName(name)
		state := states[instance]
		if !ok || state.Invocation != invocation {
			continue
		}
		if !a.settings.Fork && state.Active == "activating" && nodeipc.HungUp(fd) {
			// Of an exec that was not answered, and asks again; or its process has
			// ended, which its wait sees.
			a.followEnd(instance)
			continue
		}
		delete(stored, name)
		file := os.NewFile(uintptr(fd), name)
		conn, err := net.FileConn(file)
		file.Close()
		var w *worker
		if err == nil {
			w, err = a.newWorker(instance, state, conn.(*net.UnixConn))
		}
		if err != nil {
			a.journal.of(instance).err("adopt %s: %v", a.settings.unit(instance), err)
			continue
		}
		w.online = true
		w.saidReady = take(stored, w.readyMark())
		w.listening = a.settings.Fork && take(stored, w.listeningMark())
		for _, g := range a.groups {
			if take(stored, w.givenMark(g.plain())) && (g.path != "" || slot(instance) < g.Slots()) {
				w.given[g] = true
				w.listens[g] = take(stored, w.listensMark(g.plain()))
			}
		}
		a.adoptBound(w, stored)
		w.ready = a.isReady(w)
		if a.settings.Health != nil {
			// Only what answers is ready, and only what is ready is active.
			w.ready = w.ready && state.Active != "activating"
		}
		// It was being drained; its drain asks again.
		w.draining = state.Active == "deactivating"
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

// attachWorker gives an instance its channel. Our end is in the store before the
// other one leaves with the answer: from then on a kill of the activator loses
// nothing, and before it exec is not answered and tries again. Only then has a run a
// second channel.
func (a *Activator) attachWorker(instance int, state systemd.State, fork bool, c *client) {
	if err := a.mayAttach(run{instance, state.Invocation}, fork); err != nil {
		a.refused.Do(func() { a.journal.of(instance).warning("control socket: %v", err) })
		c.finish(err)
		return
	}
	w, theirs, err := a.newChannel(instance, state)
	if err != nil {
		c.finish(err)
		return
	}
	defer theirs.Close()
	if old := a.workers[instance]; old != nil {
		reason := errors.New("another run of its unit has begun")
		if old.run == w.run {
			reason, w.waits, old.waits = errAttachedAgain, old.waits, nil
		}
		a.endWorker(old, reason)
	}
	if err := keepConn(a.notifier, w.channelName(), w.channel.Conn()); err != nil {
		a.report(err)
		c.finish(err)
		w.channel.Close()
		return
	}
	a.workers[instance] = w
	w.settling = a.roll != nil && a.roll.Trying() && instance >= a.count
	for c, run := range a.early {
		if run == w.run {
			delete(a.early, c)
			w.waits = append(w.waits, c)
		}
	}
	a.answerAttached(c, theirs)
	go a.serve(w, false)
	if a.settings.Fork {
		a.follow(w)
		if a.workers[instance] == w {
			a.checkReady(w)
		}
	}
}

// newChannel makes a worker's channel, with the end that is the worker's.
func (a *Activator) newChannel(instance int, state systemd.State) (w *worker, theirs *os.File, err error) {
	ours, far, err := control.Pair()
	if err != nil {
		return nil, nil, err
	}
	defer far.Close()
	if theirs, err = far.File(); err == nil { // which blocks, as a program expects
		w, err = a.newWorker(instance, state, ours)
	}
	if err != nil {
		ours.Close()
		theirs.Close()
		return nil, nil, err
	}
	return w, theirs, nil
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
