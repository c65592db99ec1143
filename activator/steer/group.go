// Package steer decides which worker gets the next connection of one address.
//
// Each worker accepts on a listener of its own; all of an address's listeners
// form one SO_REUSEPORT group, in which a program in the kernel picks. Taking a
// worker out of rotation is one write to that program's table. No listener is
// ever closed while its app lives: closing one resets what is queued in it and
// reorders the group (socket(7), net/core/sock_reuseport.c).
package steer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Backlog is asked for on each listener; the kernel caps it at
// net.core.somaxconn. A worker's app asks anew for what it wants, 511 by
// default, when it listens.
const Backlog = 4096

// WaitingRoom is the slot of a group's first listener. It belongs to no
// worker, outlives all of them, and takes every connection while no worker is
// eligible. The slots of workers follow it.
const WaitingRoom = 0

// MaxSlots bounds a group.
const MaxSlots = 1024

// ErrNoReusePort tells that a listener cannot have siblings.
var ErrNoReusePort = errors.New("listener has no SO_REUSEPORT (set ReusePort=yes in its socket unit)")

// selector is the program that picks a slot.
type selector interface {
	// add makes the listener fd known as slot.
	add(slot, fd int) error
	// steer sends new connections to slots, in turn or at random; to the
	// waiting room where there is none.
	steer(slots []int) error
	// queued is how many connections a slot has to accept, or a few more, as far as
	// the selector knows; correct tells it.
	queued(slot int) (n int, known bool)
	correct(slot, n int) error
	close()
}

// Group is the listeners of one address. Its descriptors stay open until Close.
type Group struct {
	addr      netip.AddrPort
	listeners []int // by slot, which is also the order of their listen(2)
	selector  selector
	eligible  []int
}

// Adopt makes a group of listeners that exist: the first is the waiting room,
// the others are its siblings in the order of their slots.
func Adopt(listeners ...int) (*Group, error) {
	addr, err := Address(listeners[WaitingRoom])
	if err != nil {
		return nil, err
	}
	g := &Group{addr: addr, listeners: slices.Clone(listeners)}
	if on, err := unix.GetsockoptInt(listeners[WaitingRoom], unix.SOL_SOCKET, unix.SO_REUSEPORT); err != nil || on == 0 {
		return nil, fmt.Errorf("adopt %s: %w", addr, ErrNoReusePort)
	}
	for _, fd := range listeners {
		// An inherited systemd socket blocks; a blocking accept would freeze
		// the event loop of the worker it is given to.
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("adopt %s: %w", addr, err)
		}
		// A sibling that was stored but not yet listening when the activator
		// was killed joins the group now.
		if err := unix.Listen(fd, Backlog); err != nil {
			return nil, fmt.Errorf("adopt %s: %w", addr, err)
		}
	}
	return g, nil
}

// Alone makes a group of one listener that can have no siblings, such as an
// AF_UNIX one. Nobody picks among its slots: there is the waiting room only.
func Alone(listener int) (*Group, error) {
	if err := unix.SetNonblock(listener, true); err != nil {
		return nil, fmt.Errorf("adopt listener: %w", err)
	}
	return &Group{listeners: []int{listener}, selector: nobody{}}, nil
}

// nobody is the selector of a group of one.
type nobody struct{}

func (nobody) add(int, int) error     { return nil }
func (nobody) steer([]int) error      { return nil }
func (nobody) queued(int) (int, bool) { return 0, false }
func (nobody) correct(int, int) error { return nil }
func (nobody) close()                 {}

// Open listens on an address that no socket unit declares. keep is given the
// descriptor before it listens.
func Open(addr netip.AddrPort, dualStack bool, keep func(fd int) error) (*Group, error) {
	fd, err := bind(addr, dualStack, nil)
	if err != nil {
		return nil, err
	}
	bound, err := Address(fd)
	if err == nil {
		err = keep(fd)
	}
	if err == nil {
		err = unix.Listen(fd, Backlog)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return &Group{addr: bound, listeners: []int{fd}}, nil
}

// Addr is where the group listens.
func (g *Group) Addr() netip.AddrPort { return g.addr }

// Slots is the number of listeners, the waiting room included.
func (g *Group) Slots() int { return len(g.listeners) }

// Listener is the descriptor of a slot. It stays the group's.
func (g *Group) Listener(slot int) int { return g.listeners[slot] }

// Extend opens listeners until slot has one. keep is given each new one before
// it joins the group, so that a kill in between leaves none unknown.
func (g *Group) Extend(slot int, keep func(slot, fd int) error) error {
	if slot >= MaxSlots {
		return fmt.Errorf("listen on %s: more than %d workers", g.addr, MaxSlots-1)
	}
	for next := len(g.listeners); next <= slot; next++ {
		fd, err := bind(g.addr, false, &g.listeners[WaitingRoom])
		if err != nil {
			return err
		}
		if err = keep(next, fd); err == nil {
			err = unix.Listen(fd, Backlog)
		}
		if err == nil && g.selector != nil {
			err = g.selector.add(next, fd)
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("listen on %s: slot %d: %w", g.addr, next, err)
		}
		g.listeners = append(g.listeners, fd)
	}
	return nil
}

// Steer sends each new connection to one of slots; to the waiting room where
// there is none. Connections already queued stay where they are.
func (g *Group) Steer(slots []int) error {
	if slices.Equal(slots, g.eligible) {
		return nil
	}
	if err := g.selector.steer(slots); err != nil {
		return fmt.Errorf("steer %s: %w", g.addr, err)
	}
	g.eligible = slices.Clone(slots)
	// Uncorrected, the counts have grown for those that were eligible alone: who comes
	// to them would get all new connections until he has caught up.
	_, err := g.Count()
	return err
}

// Count is how many connections wait in each slot, the waiting room aside. It tells
// the selector, which from then on prefers the slots that have the fewest.
func (g *Group) Count() (queues []int, err error) {
	queues = make([]int, len(g.listeners))
	for slot := WaitingRoom + 1; slot < len(g.listeners); slot++ {
		given, known := g.selector.queued(slot)
		if known && given == 0 {
			continue
		}
		if queues[slot], err = Queue(g.listeners[slot]); err != nil {
			return nil, fmt.Errorf("count %s: %w", g.addr, err)
		}
		if queues[slot] != given {
			if err := g.selector.correct(slot, queues[slot]); err != nil {
				return nil, fmt.Errorf("count %s: %w", g.addr, err)
			}
		}
	}
	return queues, nil
}

// Close gives the address up. What is queued in its listeners is reset.
func (g *Group) Close() {
	for _, fd := range g.listeners {
		unix.Close(fd)
	}
	g.listeners = nil
	if g.selector != nil {
		g.selector.close()
	}
}

// Queue is the number of connections that wait in a listener to be accepted:
// tcpi_unacked of a listening socket (net/ipv4/tcp.c, tcp_get_info).
func Queue(listener int) (int, error) {
	info, err := unix.GetsockoptTCPInfo(listener, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, fmt.Errorf("read queue of listener: %w", err)
	}
	return int(info.Unacked), nil
}

// option is one integer socket option.
type option struct{ level, name int }

// inherited is what a socket unit can set (systemd.socket(5)) and a sibling
// must have too.
var inherited = []option{
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
	{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	{unix.IPPROTO_TCP, unix.TCP_NODELAY},
	{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT},
	{unix.IPPROTO_IP, unix.IP_FREEBIND},
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
}

// bind makes a bound socket that does not listen yet: like the model where
// there is one, else dual-stack or not.
func bind(addr netip.AddrPort, dualStack bool, model *int) (int, error) {
	family, sa := Sockaddr(addr)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("listen on %s: %w", addr, err)
	}
	set := func(o option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, o.level, o.name, value)
		}
	}
	set(option{unix.SOL_SOCKET, unix.SO_REUSEADDR}, 1)
	set(option{unix.SOL_SOCKET, unix.SO_REUSEPORT}, 1)
	if model == nil && family == unix.AF_INET6 {
		v6only := 1
		if dualStack {
			v6only = 0
		}
		set(option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY}, v6only)
	}
	for _, o := range inherited {
		if model == nil || (o.level == unix.IPPROTO_IPV6 && family != unix.AF_INET6) {
			continue
		}
		value, readErr := unix.GetsockoptInt(*model, o.level, o.name)
		current, _ := unix.GetsockoptInt(fd, o.level, o.name)
		if readErr == nil && value != current {
			set(o, value)
		}
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return fd, nil
}
