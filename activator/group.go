package activator

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// How often, and how long apart, the kernel is asked whether it has freed a map.
const (
	mapTries = 20
	mapPause = 50 * time.Millisecond
)

// What a worker can make the activator open and keep.
const (
	// maxGroups bounds the addresses of an app, and maxStored what they take in
	// the descriptor store: it is full at FileDescriptorStoreMax= of the shipped
	// unit, and what comes then is dropped without a word.
	maxGroups = 256
	maxStored = 14 << 10
	// maxAddress is what a path may have (PATH_MAX), in bytes, and maxData far more
	// than the 48 bytes of a TLS server's ticket keys.
	maxAddress = 4096
	maxData    = 64 << 10
)

// group is the listeners of one address.
type group struct {
	*steer.Group
	// path is where an AF_UNIX listener is, see unix.go; empty for the others, which have an
	// address and a selector.
	path string
	last int // the slot whose turn it was last (turn.go)
	// declared: by a socket unit, and not just asked for by the app.
	declared bool
	// data is what the first worker to listen gave for all (nodeipc.Message).
	data json.RawMessage
	// random is what the app asked for where it left the port to the system:
	// "address/index", shared by all workers.
	random string
}

// key is what the workers know the group by; they only compare it.
func (g *group) key() string {
	if g.path != "" {
		return g.path
	}
	return g.Addr().String()
}

// plain is where the group listens, in the names of stored descriptors. A path
// may have what these must not, and is long.
func (g *group) plain() string {
	if g.path != "" {
		return fmt.Sprintf("unix-%x", sha256.Sum256([]byte(g.path)))[:21]
	}
	return plain(g.Addr())
}

// isAsked tells whether the group is what an app says that it listens on.
func (g *group) isAsked(m nodeipc.Message) bool {
	if m.AddressType == pipe || g.path != "" {
		return m.AddressType == pipe && m.Address != nil && samePath(g.path, *m.Address)
	}
	return int(g.Addr().Port()) == m.Port
}

func (g *group) listenerName(slot int) string { return listenerName(g.Addr(), slot) }

func (g *group) mapName() string { return "sockets-" + plain(g.Addr()) }

// listenerName is the name of a slot's listener in the descriptor store.
func listenerName(addr netip.AddrPort, slot int) string {
	return fmt.Sprintf("listener-%s-%d", plain(addr), slot)
}

// plain is an address in the name of a stored descriptor, where ':' is not
// allowed.
func plain(addr netip.AddrPort) string { return strings.ReplaceAll(addr.String(), ":", "_") }

// slot is the place of an instance in every group.
func slot(instance int) int { return instance + 1 }

// adoptGroup makes a group of a listener from a socket unit, or of one that a
// predecessor opened, and of the siblings in stored, which it takes out.
func (a *Activator) adoptGroup(base int, declared bool, stored map[string]int) error {
	addr, err := steer.Address(base)
	if err != nil {
		return err
	}
	listeners := []int{base}
	for {
		name := listenerName(addr, len(listeners))
		fd, ok := stored[name]
		if !ok {
			break
		}
		delete(stored, name)
		listeners = append(listeners, fd)
	}
	g, err := steer.Adopt(listeners...)
	if err != nil {
		return err
	}
	a.groups = append(a.groups, &group{Group: g, declared: declared})
	return nil
}

// attach puts the selector of a group to work: the kernel's where it may be
// used, else the one that needs no privilege. stored is a predecessor's map,
// or -1.
func (a *Activator) attach(g *group, stored int) error {
	err := a.noKernel
	if err == nil {
		err = a.attachKernel(g, stored)
	}
	if err == nil {
		return nil
	}
	if a.noKernel == nil {
		a.noKernel = err
		a.journal.notice("new connections are spread at random and not in turn: %v", err)
	}
	return g.UseClassic(a.slots(g))
}

func (a *Activator) attachKernel(g *group, stored int) error {
	k, err := steer.NewKernel(stored)
	if err != nil {
		return err
	}
	if stored < 0 {
		if err := a.notifier.keep(g.mapName(), k.Map()); err != nil {
			return err
		}
	}
	err = g.UseKernel(k, a.slots(g))
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	// The store was lost, by a stop before systemd 254 say, but not the socket:
	// the old program is attached to it and holds it in its own map. Replaced,
	// it lets go after a grace period of the kernel's.
	if err := g.UseClassic(a.slots(g)); err != nil {
		return err
	}
	for range mapTries {
		time.Sleep(mapPause)
		if err = g.UseKernel(k, a.slots(g)); !errors.Is(err, unix.EBUSY) {
			break
		}
	}
	return err
}

// closeUnused gives up addresses that no socket unit declares and no worker
// has any more. Callers are refused then, as they would be without an activator.
func (a *Activator) closeUnused() {
	a.groups = slices.DeleteFunc(a.groups, func(g *group) bool {
		if g.declared || a.anyoneHas(g) {
			return false
		}
		for p, in := range a.intakes {
			if p.group == g {
				in.stop()
				delete(a.intakes, p)
			}
		}
		for slot := range g.Slots() {
			a.report(a.notifier.forget(g.listenerName(slot)))
		}
		a.report(a.notifier.forget(g.mapName()))
		g.Close()
		return true
	})
}

func (a *Activator) anyoneHas(g *group) bool {
	for _, w := range a.workers {
		if w.given[g] {
			return true
		}
	}
	return false
}

// slots are those that new connections may go to, in order. Workers that fail
// their health check, or are blocked, are among them only where all are: what they
// all lack is not mended by serving nobody.
func (a *Activator) slots(g *group) []int {
	var well, sick []int
	for instance, w := range a.workers {
		switch {
		case !w.serves(g):
		case a.sick(w), w.stalled:
			sick = append(sick, slot(instance))
		default:
			well = append(well, slot(instance))
		}
	}
	if len(well) == 0 {
		well = sick
	}
	slices.Sort(well)
	return well
}

// queryServer gives a worker its own listener for what its app listens on.
func (a *Activator) queryServer(w *worker, m nodeipc.Message) error {
	g, errno, err := a.groupFor(w, m)
	if err == nil && w.given[g] {
		errno, err = unix.EADDRINUSE, errors.New("it listens there already")
	}
	if err == nil && g.path == "" {
		errno = unix.EIO
		err = g.Extend(slot(w.instance), func(slot, fd int) error {
			return a.notifier.keep(g.listenerName(slot), fd)
		})
	}
	if err != nil {
		a.about(w).err("%s may not listen on %s: %v", w.unit, asked(m), err)
		return w.channel.Send(nodeipc.NewReply(m, "", -int(errno)))
	}
	if g.data == nil {
		g.data = m.Data
	}
	w.given[g] = true
	reply := nodeipc.NewReply(m, g.key(), 0)
	reply.Data = g.data
	if g.path != "" {
		err = w.channel.Send(reply)
	} else {
		err = w.channel.SendHandle(reply, g.Listener(slot(w.instance)))
	}
	// After the reply: a kill in between has it sent twice, of which Node takes one. A
	// successor who knew of it and had not sent it would tell the app that its port is
	// taken.
	a.report(a.notifier.mark(w.givenMark(g.plain())))
	return err
}

// groupFor finds the group for what an app asks for, or opens one. Its error is
// for the journal, errno for the app.
func (a *Activator) groupFor(w *worker, m nodeipc.Message) (g *group, errno unix.Errno, err error) {
	if m.Address != nil && len(*m.Address) > maxAddress || len(m.Data) > maxData {
		return nil, unix.EMSGSIZE, errors.New("it says more about it than any server has to say")
	}
	if m.AddressType == pipe {
		return a.groupOfPath(m)
	}
	if (m.AddressType != 4.0 && m.AddressType != 6.0) || m.FD != nil && *m.FD >= 0 || m.Port < 0 || m.Port > 65535 {
		return nil, unix.EOPNOTSUPP, errors.New("only addresses and Unix sockets are shared among workers")
	}
	want, err := wanted(m)
	if err != nil {
		return nil, unix.EADDRNOTAVAIL, err
	}
	random := ""
	if want.Port() == 0 {
		random = fmt.Sprintf("%s/%d", want.Addr(), m.Index)
	}
	for _, g := range a.groups {
		if g.path != "" {
			continue
		}
		if random != "" {
			if g.random == random {
				return g, 0, nil
			}
			continue
		}
		switch match(g.Addr(), want) {
		case same:
			return g, 0, nil
		case wider:
			if !g.declared {
				continue
			}
			if !w.given[g] {
				a.about(w).notice("%s asks for %s and gets its socket's %s", w.unit, asked(m), g.Addr())
			}
			return g, 0, nil
		case narrower:
			return nil, unix.EADDRNOTAVAIL, fmt.Errorf("its socket listens on %s, which is more than the app wants; set ListenStream=%s in the socket unit, or listen without an address", g.Addr(), want)
		}
	}
	if want.Port() > 0 && want.Port() < 1024 {
		return nil, unix.EACCES, errors.New("a port below 1024 must be declared by the app's socket unit (ListenStream=)")
	}
	if most := a.mostGroups(); len(a.groups) >= most {
		return nil, unix.EMFILE, fmt.Errorf("the app listens on %d addresses already", most)
	}
	g, err = a.openGroup(w, want, m, random)
	if err != nil {
		return nil, errnoOf(err), err
	}
	return g, 0, nil
}

// errnoOf is what an app is told of an error.
func errnoOf(err error) unix.Errno {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.EIO
}

// mostGroups is how many addresses the app may have. In the store, each takes a
// listener and two marks for a worker, the waiting room and a map.
func (a *Activator) mostGroups() int {
	return max(1, min(maxGroups, maxStored/(3*(a.count+a.surge)+2)))
}

// openGroup listens on an address that no socket unit declares.
func (a *Activator) openGroup(w *worker, addr netip.AddrPort, m nodeipc.Message, random string) (*group, error) {
	const ipv6Only = 1 // UV_TCP_IPV6ONLY
	dualStack := m.Flags&ipv6Only == 0
	g := &group{random: random}
	keep := func(fd int) error {
		bound, err := steer.Address(fd)
		if err != nil {
			return err
		}
		return a.notifier.keep(listenerName(bound, steer.WaitingRoom), fd)
	}
	var err error
	if g.Group, err = steer.Open(addr, dualStack, keep); err != nil {
		return nil, err
	}
	if err := a.attach(g, -1); err != nil {
		return nil, err
	}
	a.groups = append(a.groups, g)
	a.about(w).notice("listening on %s for the app; no socket unit declares it, so it is closed when the app stops", g.Addr())
	return g, nil
}

// wanted is the address in a message; no address is any (Node listens on ::,
// and so on IPv4 too).
func wanted(m nodeipc.Message) (netip.AddrPort, error) {
	addr := netip.IPv6Unspecified()
	if m.Address != nil && *m.Address != "" {
		var err error
		if addr, err = netip.ParseAddr(*m.Address); err != nil {
			return netip.AddrPort{}, err
		}
	}
	return netip.AddrPortFrom(addr.WithZone(""), uint16(m.Port)), nil
}

// How a socket's address relates to the one that an app wants.
type relation int

const (
	other    relation = iota
	same              // it is that one
	wider             // the app wants any address, of one family or all; the socket has another idea of any, and the unit is the configuration
	narrower          // the app wants one address only, the socket has all: never widened in silence
)

func match(has, want netip.AddrPort) relation {
	switch {
	case has.Port() != want.Port():
		return other
	case has.Addr() == want.Addr():
		return same
	case want.Addr().IsUnspecified():
		return wider
	case has.Addr().IsUnspecified():
		return narrower
	}
	return other
}
