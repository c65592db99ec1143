package activator

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// Where nobody accepts for himself, workers take turns: in the waiting room, in
// the queue of a worker that is gone, leaves or is blocked, and at an AF_UNIX
// listener, which all share. At each connection the activator lends the listener
// to one of them, whose agent accepts one connection and closes its copy.
//
// So a connection is never here: it is in the kernel's queue or with its worker,
// whenever this process is killed. (Accepted here and handed over with newconn,
// as Node's own primary does it, one kill in twenty under full load lost a
// request.)

const (
	// turnPatience is how long a worker has to take its turn before another gets
	// one too: its event loop may be busy.
	turnPatience = 500 * time.Microsecond
	// refusalPause follows a turn that was refused: a server may be full, and so
	// may all be.
	refusalPause = 10 * time.Millisecond
)

// place is one listener: a slot of a group.
type place struct {
	group *group
	slot  int
}

func (p place) listener() int { return p.group.Listener(p.slot) }

// placeIntakes has the activator see to the places where nobody accepts. Only
// while a worker serves: else the connections wait where they are.
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

// intake is a place that workers take turns at. A goroutine waits until there is
// a connection; the loop says whose turn it is.
type intake struct {
	place   place
	file    *os.File
	waiting bool          // there is a connection, as far as known
	look    chan struct{} // has the goroutine look again
	stopped chan struct{}
	turn    int64 // given last, and not known to be taken
}

func (in *intake) stop() {
	in.file.Close()
	close(in.stopped)
}

// newIntake works on a copy of the listener's descriptor: only the copy is
// registered with Go's poller, and only while it is needed.
func (a *Activator) newIntake(p place) (*intake, error) {
	fd, err := unix.FcntlInt(uintptr(p.listener()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	in := &intake{place: p, file: os.NewFile(uintptr(fd), p.group.key()), look: make(chan struct{}, 1), stopped: make(chan struct{})}
	raw, err := in.file.SyscallConn()
	if err != nil {
		in.stop()
		return nil, err
	}
	go func() {
		for raw.Read(isReadable) == nil { // else stopped
			a.do(func() {
				in.waiting = true
				a.giveTurn(in)
			})
			select {
			case <-in.look:
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

// giveTurns has whatever waits taken, where a worker is free for it.
func (a *Activator) giveTurns() {
	for _, in := range a.intakes {
		a.giveTurn(in)
	}
}

// giveTurn lends the listener to the next worker that has not got it.
func (a *Activator) giveTurn(in *intake) {
	if !in.waiting || in.turn != 0 || a.intakes[in.place] != in {
		return
	}
	w := a.nextTurn(in.place)
	if w == nil {
		return // until one has taken its turn
	}
	a.turn++
	if w.channel.SendHandle(nodeipc.NewTurn(in.place.group.key(), a.turn), in.place.listener()) != nil {
		return
	}
	turn := a.turn
	in.waiting, in.turn, w.turns[in.place] = false, turn, turn
	time.AfterFunc(turnPatience, func() { a.do(func() { in.end(turn) }) })
}

// nextTurn is the next serving worker that has no turn at a place, nil where
// there is none.
func (a *Activator) nextTurn(p place) *worker {
	slots := a.slots(p.group)
	first := slices.IndexFunc(slots, func(s int) bool { return s > p.group.last })
	for i := range slots {
		s := slots[(max(first, 0)+i)%len(slots)]
		if w := a.workers[s-slot(0)]; w.turns[p] == 0 {
			p.group.last = s
			return w
		}
	}
	return nil
}

// took is a worker's answer: it has accepted a connection, or will not.
func (a *Activator) took(w *worker, turn int64, accepted bool) {
	for p, given := range w.turns {
		if given == turn {
			delete(w.turns, p)
		}
	}
	if !accepted {
		time.AfterFunc(refusalPause, func() { a.do(func() { a.endTurn(turn) }) })
		return
	}
	a.endTurn(turn)
}

func (a *Activator) endTurn(turn int64) {
	for _, in := range a.intakes {
		in.end(turn)
	}
	a.giveTurns()
}

// end has the listener looked at again after a turn, once for each.
func (in *intake) end(turn int64) {
	if in.turn == turn {
		in.turn = 0
		in.look <- struct{}{}
	}
}
