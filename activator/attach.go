package activator

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/systemd"
)

// adoptWorkers takes over the channels that a predecessor stored. stored keeps
// what belongs to nobody.
func (a *Activator) adoptWorkers(stored map[string]int, states map[int]systemd.State) {
	for name, fd := range stored {
		instance, invocation, ok := parseChannelName(name)
		if !ok || a.settings.Fork && states[instance].Invocation != invocation {
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
		w.online, w.restarts = true, states[instance].Restarts
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
			w.ready = w.ready && states[instance].Active != "activating"
		}
		// It was being drained; its drain asks again.
		w.draining = states[instance].Active == "deactivating"
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
func (a *Activator) attachWorker(instance int, state systemd.State, fork bool, c *client) {
	if err := a.mayAttach(run{instance, state.Invocation}, fork); err != nil {
		a.refused.Do(func() { a.journal.of(instance).warning("control socket: %v", err) })
		c.finish(err)
		return
	}
	w, err := a.newWorker(instance, state.Invocation, c.conn)
	if err != nil {
		c.finish(err)
		return
	}
	w.restarts = state.Restarts
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
	w.settling = a.roll != nil && a.roll.Trying() && instance >= a.count
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
