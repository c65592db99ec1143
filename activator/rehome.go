package activator

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

const (
	// acceptPause follows a failed accept(2).
	acceptPause = 10 * time.Millisecond
	// mostPending is how many connections may be on their way to one worker, not
	// yet accepted there. Whoever comes later waits in the kernel's queue, for
	// the worker that is free first, and outlives this process there.
	mostPending = 4
)

// place is one listener: a slot of a group.
type place struct {
	group *group
	slot  int
}

// handover is a connection on its way to a worker. It stays open here until a
// worker has said that it accepted it.
type handover struct {
	group *group
	fd    int
	probe *probe // what it is an end of; nil for a caller's
	// stored is its name in the descriptor store, where it has to wait.
	stored string
}

// placeIntakes lets the activator accept where nobody else does, in the waiting
// room and in the queue of a worker that is gone or leaves, and has it see to
// AF_UNIX listeners. Only while another worker serves: else the connections wait where they
// are.
func (a *Activator) placeIntakes() {
	wanted := make(map[place]bool)
	for _, g := range a.groups {
		if len(a.slots(g)) == 0 {
			continue
		}
		for s := range g.Slots() {
			wanted[place{g, s}] = s == steer.WaitingRoom || !a.served(s, g)
		}
	}
	for p, in := range a.intakes {
		if !wanted[p] {
			in.stop()
			delete(a.intakes, p)
		}
	}
	for p, want := range wanted {
		if want && a.intakes[p] == nil {
			in, err := a.newIntake(p)
			if err != nil {
				a.report(err)
				continue
			}
			a.intakes[p] = in
		}
	}
}

// served tells whether a slot has a worker that accepts in it, as far as known.
func (a *Activator) served(s int, g *group) bool {
	w := a.workers[s-slot(0)]
	return w != nil && w.accepts(g) && !a.sick(w)
}

// intake is a place that the activator accepts in. A goroutine waits until there
// is a connection; the loop accepts it when a worker is free.
type intake struct {
	place   place
	file    *os.File
	waiting bool          // there is a connection, as far as known
	empty   chan struct{} // the loop has accepted all there was
	stopped chan struct{}
	turn    int64 // given last, on an AF_UNIX listener, and not known to be taken
}

func (in *intake) stop() {
	in.file.Close()
	close(in.stopped)
}

// newIntake works on a copy of the listener's descriptor: only the copy is
// registered with Go's poller, and only while it is needed.
func (a *Activator) newIntake(p place) (*intake, error) {
	fd, err := unix.FcntlInt(uintptr(p.group.Listener(p.slot)), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	in := &intake{place: p, file: os.NewFile(uintptr(fd), p.group.key()), empty: make(chan struct{}, 1), stopped: make(chan struct{})}
	raw, err := in.file.SyscallConn()
	if err != nil {
		in.stop()
		return nil, err
	}
	go func() {
		for raw.Read(isReadable) == nil { // else stopped
			a.do(func() {
				in.waiting = true
				a.takeFrom(in)
			})
			select {
			case <-in.empty:
			case <-in.stopped:
			case <-a.ctx.Done():
				return
			}
		}
	}()
	return in, nil
}

func isReadable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// takeIn accepts what waits, where a worker is free for it.
func (a *Activator) takeIn() {
	for _, in := range a.intakes {
		a.takeFrom(in)
	}
}

// takeFrom hands each connection on in the same breath: what is accepted and
// not handed over is all that a kill of this process can lose.
func (a *Activator) takeFrom(in *intake) {
	if in.place.group.path != "" {
		a.giveTurn(in)
		return
	}
	for in.waiting && a.intakes[in.place] == in {
		w := a.freest(in.place.group)
		if w == nil || len(w.handovers) >= mostPending {
			return
		}
		fd, _, err := unix.Accept4(in.place.group.Listener(in.place.slot), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		switch err {
		case nil:
			if h := (&handover{group: in.place.group, fd: fd}); !a.hand(w, h) {
				a.homeless = append(a.homeless, h)
				a.storeHomeless()
			}
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			in.waiting = false
			in.empty <- struct{}{}
		default: // out of descriptors: they wait
			in.waiting = false
			time.AfterFunc(acceptPause, func() { in.empty <- struct{}{} })
		}
	}
}

// hand sends a connection to a worker; false where its channel takes no more.
// It is out of the store first: a successor must not give it to a second one.
func (a *Activator) hand(w *worker, h *handover) bool {
	a.unstore(h)
	a.turn++
	if err := w.channel.SendHandle(nodeipc.NewNewConn(h.group.key(), a.turn), h.fd); err != nil {
		return false
	}
	w.handovers[a.turn] = h
	return true
}

// giveHomeless hands connections that a worker died with, or refused, to the
// serving one that has the fewest on their way to it, in turn among equals.
func (a *Activator) giveHomeless() {
	var left []*handover
	for _, h := range a.homeless {
		if w := a.freest(h.group); w == nil || !a.hand(w, h) {
			left = append(left, h)
		}
	}
	a.homeless = left
	a.storeHomeless()
}

// freest is the serving worker with the fewest connections on their way to it,
// in turn among equals; nil where none serves.
func (a *Activator) freest(g *group) *worker {
	var best *worker
	slots := a.slots(g)
	for i := range slots {
		w := a.workers[slots[(int(a.turn)+i)%len(slots)]-slot(0)]
		if best == nil || len(w.handovers) < len(best.handovers) {
			best = w
		}
	}
	return best
}

// acknowledged is a worker's answer to a handover. One that it refuses, because
// its server is closing or full, goes to another.
func (a *Activator) acknowledged(w *worker, turn int64, accepted bool) {
	h := w.handovers[turn]
	if h == nil {
		return
	}
	delete(w.handovers, turn)
	switch {
	case h.probe != nil:
		h.probe.accepted <- accepted
		a.letGo(h)
	case accepted:
		a.letGo(h)
	default:
		a.homeless = append(a.homeless, h)
		a.giveHomeless()
	}
	a.takeIn()
}

// letGo closes our copy of a connection.
func (a *Activator) letGo(h *handover) {
	unix.Close(h.fd)
	a.unstore(h)
}

func (a *Activator) unstore(h *handover) {
	if h.stored != "" {
		a.report(a.notifier.forget(h.stored))
		h.stored = ""
	}
}

// storeHomeless puts into the descriptor store what has nowhere to go, so that
// it outlives this process.
func (a *Activator) storeHomeless() {
	for _, h := range a.homeless {
		if h.stored == "" {
			a.turn++
			h.stored = fmt.Sprintf("waits-%d-%s", a.turn, h.group.plain())
			a.report(a.notifier.keep(h.stored, h.fd))
		}
	}
}

// adoptHomeless takes over the connections that a predecessor could give to
// nobody.
func (a *Activator) adoptHomeless(stored map[string]int) {
	for name, fd := range stored {
		rest, ok := strings.CutPrefix(name, "waits-")
		if !ok {
			continue
		}
		number, at, _ := strings.Cut(rest, "-")
		if _, err := strconv.ParseInt(number, 10, 64); err != nil {
			continue
		}
		for _, g := range a.groups {
			if g.plain() == at {
				delete(stored, name)
				a.homeless = append(a.homeless, &handover{group: g, fd: fd, stored: name})
			}
		}
	}
}
