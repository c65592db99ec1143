package activator

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// An AF_UNIX listener has no siblings (SO_REUSEPORT is for the internet's
// families), so no kernel can pick. All workers have the same one, and the
// activator says whose turn it is: at each connection it lends the listener to
// one of them, whose agent accepts one connection and closes its copy.
//
// So a connection is never here: it is in the kernel's queue or with its worker,
// whenever this process is killed. (Accepted here and handed over with newconn,
// as Node's own primary does it, one kill in twenty under full load lost a
// request.)

// turnPatience is how long a worker has to take its turn before another gets one
// too: its event loop may be busy.
const turnPatience = 500 * time.Microsecond

// giveTurn lends the listener to the next worker that has not got it.
func (a *Activator) giveTurn(in *intake) {
	if !in.waiting || in.turn != 0 || a.intakes[in.place] != in {
		return
	}
	g := in.place.group
	w := a.nextTurn(g)
	if w == nil {
		return // until one has taken its turn
	}
	a.turn++
	if w.channel.SendHandle(nodeipc.NewTurn(g.path, a.turn), g.Listener(in.place.slot)) != nil {
		return
	}
	turn := a.turn
	in.waiting, in.turn, w.turns[g] = false, turn, turn
	time.AfterFunc(turnPatience, func() { a.do(func() { in.look(turn) }) })
}

// nextTurn is the next serving worker that has no turn at a listener, nil where
// there is none.
func (a *Activator) nextTurn(g *group) *worker {
	slots := a.slots(g)
	first := slices.IndexFunc(slots, func(s int) bool { return s > g.last })
	for i := range slots {
		s := slots[(max(first, 0)+i)%len(slots)]
		if w := a.workers[s-slot(0)]; w.turns[g] == 0 {
			g.last = s
			return w
		}
	}
	return nil
}

// took is a worker's answer: it has accepted a connection, or will not.
func (a *Activator) took(w *worker, turn int64) {
	for g, given := range w.turns {
		if given == turn {
			delete(w.turns, g)
		}
	}
	for _, in := range a.intakes {
		in.look(turn)
	}
	a.takeIn()
}

// look has the listener looked at again after a turn, once for each.
func (in *intake) look(turn int64) {
	if in.turn == turn {
		in.turn = 0
		in.empty <- struct{}{}
	}
}

// pipe is the addressType of a path in Node's messages; JSON numbers are floats.
const pipe = -1.0

// pathOf is the path that a stream socket is bound to; empty where it is bound
// to none.
func pathOf(fd int) string {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return ""
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	if sa, ok := sa.(*unix.SockaddrUnix); ok && strings.HasPrefix(sa.Name, "/") {
		return sa.Name
	}
	return ""
}

// adoptPath makes a group of a socket unit's AF_UNIX listener.
func (a *Activator) adoptPath(fd int, at string) error {
	g, err := steer.Alone(fd)
	if err != nil {
		return err
	}
	a.groups = append(a.groups, &group{Group: g, path: at, declared: true})
	return nil
}

// groupOfPath finds the group for a path that an app listens on. None is ever
// opened: whose folder it would be in, and who might connect, is for the socket
// unit to say.
func (a *Activator) groupOfPath(m nodeipc.Message) (*group, unix.Errno, error) {
	for _, g := range a.groups {
		if g.path != "" && m.Address != nil && samePath(g.path, *m.Address) {
			return g, 0, nil
		}
	}
	return nil, unix.EACCES, errors.New("a Unix socket must be declared by the app's socket unit (ListenStream=)")
}

// samePath compares as systemd does, to which /var/run is /run (systemd.socket(5)
// says nothing of it; systemctl prints a warning).
func samePath(a, b string) bool {
	plain := func(p string) string {
		p = path.Clean(p)
		if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
			p = "/run/" + rest
		}
		return p
	}
	return plain(a) == plain(b)
}

// asked is what an app asked for, in its own words.
func asked(m nodeipc.Message) string {
	switch {
	case m.Address == nil:
		return fmt.Sprintf("port %d", m.Port)
	case m.AddressType == pipe:
		return fmt.Sprintf("%q", *m.Address)
	}
	return fmt.Sprintf("%q port %d", *m.Address, m.Port)
}
