package activator

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// acceptPause follows a failed accept(2).
const acceptPause = 10 * time.Millisecond

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
}

// placeAccepters lets the activator accept where nobody else does: in the
// waiting room, and in the queue of a worker that is gone or leaves. Only while
// another worker serves: else the connections wait where they are.
func (a *Activator) placeAccepters() {
	wanted := make(map[place]bool)
	for _, g := range a.groups {
		if len(a.slots(g)) == 0 {
			continue
		}
		for s := range g.Slots() {
			wanted[place{g, s}] = s == steer.WaitingRoom || !a.served(s, g)
		}
	}
	for p, acc := range a.accepters {
		if !wanted[p] {
			acc.stop()
			delete(a.accepters, p)
		}
	}
	for p, want := range wanted {
		if want && a.accepters[p] == nil {
			acc, err := a.accept(p)
			if err != nil {
				a.report(err)
				continue
			}
			a.accepters[p] = acc
		}
	}
}

// served tells whether a slot has a worker that accepts in it.
func (a *Activator) served(s int, g *group) bool {
	w := a.workers[s-slot(0)]
	return w != nil && w.accepts(g)
}

// accepter accepts in one place until it is stopped.
type accepter struct{ file *os.File }

func (acc *accepter) stop() { acc.file.Close() }

// accept works on a copy of the listener's descriptor: only the copy is
// registered with Go's poller, and only while it is needed.
func (a *Activator) accept(p place) (*accepter, error) {
	fd, err := unix.FcntlInt(uintptr(p.group.Listener(p.slot)), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	acc := &accepter{os.NewFile(uintptr(fd), p.group.listenerName(p.slot))}
	raw, err := acc.file.SyscallConn()
	if err != nil {
		acc.file.Close()
		return nil, err
	}
	go func() {
		for {
			conn := -1
			var acceptErr error
			err := raw.Read(func(fd uintptr) bool {
				conn, _, acceptErr = unix.Accept4(int(fd), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
				return acceptErr != unix.EAGAIN
			})
			if err != nil {
				return // stopped
			}
			if acceptErr != nil {
				// The client has left, or we are out of descriptors: they wait.
				time.Sleep(acceptPause)
				continue
			}
			if !a.do(func() { a.rehome(&handover{p.group, conn}) }) {
				unix.Close(conn)
				return
			}
		}
	}()
	return acc, nil
}

func (a *Activator) rehome(h *handover) {
	a.homeless = append(a.homeless, h)
	a.giveHomeless()
}

// giveHomeless hands connections to the serving worker that has the fewest on
// their way to it, in turn among equals.
func (a *Activator) giveHomeless() {
	var left []*handover
	for _, h := range a.homeless {
		w := a.freest(h.group)
		if w == nil {
			left = append(left, h)
			continue
		}
		a.turn++
		if err := w.channel.SendHandle(nodeipc.NewNewConn(h.group.key(), a.turn), h.fd); err != nil {
			left = append(left, h)
			continue
		}
		w.handovers[a.turn] = h
	}
	a.homeless = left
}

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
	if accepted {
		unix.Close(h.fd)
		return
	}
	a.homeless = append(a.homeless, h)
}
