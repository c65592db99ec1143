package activator

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// A datagram socket is one for all workers, as with Node's own primary
// (lib/internal/cluster/shared_handle.js): each reads from it, and whoever is
// first has the datagram. So nothing is steered here, and what is queued in the
// socket is everybody's.

// datagram is one UDP socket. It stays open until closeDatagrams.
type datagram struct {
	addr netip.AddrPort
	fd   int
	// declared: by a socket unit, and not just asked for by the app.
	declared bool
}

// lent is a UDP socket of a worker's own, until the worker has it.
type lent struct {
	fd   int
	port uint16
}

// mostLent bounds how many of these a worker can make the activator hold.
const mostLent = 256

// key is what the workers know the socket by. A TCP listener's is its address.
func (d *datagram) key() string { return "udp " + d.addr.String() }

// plain is where the socket is, in the names of stored descriptors.
func (d *datagram) plain() string { return "udp-" + plain(d.addr) }

func (d *datagram) storedName() string { return datagramPrefix + plain(d.addr) }

// datagramPrefix begins the names of those that no socket unit declares.
const datagramPrefix = "datagram-"

// isDatagram tells whether a message is about a UDP socket.
func isDatagram(m nodeipc.Message) bool { return m.AddressType == "udp4" || m.AddressType == "udp6" }

// adoptDatagram takes over a UDP socket of a socket unit, or of a predecessor.
func (a *Activator) adoptDatagram(fd int, declared bool) error {
	addr, err := steer.DatagramAddress(fd)
	if err != nil {
		return err
	}
	// An inherited systemd socket blocks.
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("adopt udp %s: %w", addr, err)
	}
	a.datagrams = append(a.datagrams, &datagram{addr, fd, declared})
	return nil
}

// adoptDatagrams takes over those that a predecessor opened, out of stored.
func (a *Activator) adoptDatagrams(stored map[string]int) {
	for name, fd := range stored {
		if strings.HasPrefix(name, datagramPrefix) {
			delete(stored, name)
			a.report(a.adoptDatagram(fd, false))
		}
	}
}

// adoptBound finds out which UDP sockets a worker of a predecessor's has.
func (a *Activator) adoptBound(w *worker, stored map[string]int) {
	for _, d := range a.datagrams {
		if take(stored, w.givenMark(d.plain())) {
			w.datagrams[d] = take(stored, w.listensMark(d.plain()))
		}
	}
}

// isUDP tells a UDP socket from the others of a socket unit.
func isUDP(fd int) bool {
	_, err := steer.DatagramAddress(fd)
	return err == nil
}

// queryDatagram gives a worker the UDP socket that its app binds.
func (a *Activator) queryDatagram(w *worker, m nodeipc.Message) error {
	want, err := wantedDatagram(m)
	var d *datagram
	errno := unix.EADDRNOTAVAIL
	switch {
	case err != nil:
	case want.Port() == 0:
		return a.lendDatagram(w, m, want)
	default:
		d, errno, err = a.datagramFor(w, m, want)
	}
	if err == nil {
		if _, given := w.datagrams[d]; given {
			errno, err = unix.EADDRINUSE, errors.New("it is bound there already")
		}
	}
	if err != nil {
		return a.refuseDatagram(w, m, errno, err)
	}
	w.datagrams[d] = false
	err = w.channel.SendDatagram(nodeipc.NewReply(m, d.key(), 0), d.fd)
	a.report(a.notifier.mark(w.givenMark(d.plain()))) // after it, as in queryServer
	return err
}

func (a *Activator) refuseDatagram(w *worker, m nodeipc.Message, errno unix.Errno, reason error) error {
	a.about(w).err("%s may not bind %s %s: %v", w.unit, m.AddressType, asked(m), reason)
	return w.channel.Send(nodeipc.NewReply(m, "", -int(errno)))
}

// lendDatagram gives a worker a UDP socket of its own, where the app leaves the
// port to the system: so does who asks and waits for answers, which no other
// worker must read. (Node's own primary gives all workers one socket.)
func (a *Activator) lendDatagram(w *worker, m nodeipc.Message, want netip.AddrPort) error {
	if len(w.lent) >= mostLent {
		return a.refuseDatagram(w, m, unix.EMFILE, fmt.Errorf("it has asked for %d sockets and bound none of them", mostLent))
	}
	fd, err := bindDatagram(want, m.Flags)
	if err != nil {
		return a.refuseDatagram(w, m, errnoOf(err), err)
	}
	addr, err := steer.DatagramAddress(fd)
	if err != nil {
		unix.Close(fd)
		return a.refuseDatagram(w, m, unix.EIO, err)
	}
	a.turn++
	key := fmt.Sprintf("udp own %d", a.turn)
	w.lent[key] = lent{fd, addr.Port()}
	return w.channel.SendDatagram(nodeipc.NewReply(m, key, 0), fd)
}

// datagramFor finds the UDP socket for what an app asks for, or opens one. Its
// error is for the journal, errno for the app.
func (a *Activator) datagramFor(w *worker, m nodeipc.Message, want netip.AddrPort) (*datagram, unix.Errno, error) {
	for _, d := range a.datagrams {
		switch matchDatagram(d.addr, want) {
		case same:
			return d, 0, nil
		case wider:
			if !d.declared {
				continue
			}
			a.about(w).notice("%s asks for %s %s and gets its socket's %s", w.unit, m.AddressType, asked(m), d.addr)
			return d, 0, nil
		case narrower:
			return nil, unix.EADDRNOTAVAIL, fmt.Errorf("its socket is bound to %s, which is more than the app wants, or of another family; set ListenDatagram=%s in the socket unit, or bind another address", d.addr, want)
		}
	}
	if want.Port() < 1024 {
		return nil, unix.EACCES, errors.New("a port below 1024 must be declared by the app's socket unit (ListenDatagram=)")
	}
	if len(a.datagrams) >= maxGroups {
		return nil, unix.EMFILE, fmt.Errorf("the app has %d UDP sockets already", maxGroups)
	}
	fd, err := bindDatagram(want, m.Flags)
	if err != nil {
		return nil, errnoOf(err), err
	}
	d := &datagram{addr: want, fd: fd}
	if err := a.notifier.keep(d.storedName(), fd); err != nil {
		unix.Close(fd)
		return nil, unix.EIO, err
	}
	a.datagrams = append(a.datagrams, d)
	a.about(w).notice("bound udp %s for the app; no socket unit declares it, so it is closed when the app stops", want)
	return d, 0, nil
}

// matchDatagram is match, but for families: an AF_INET6 socket, dual-stack or
// not, shows a udp4 app addresses that it cannot answer to.
func matchDatagram(has, want netip.AddrPort) relation {
	if has.Addr().Is4() == want.Addr().Is4() {
		return match(has, want)
	}
	if has.Port() == want.Port() && has.Addr().IsUnspecified() && want.Addr().Is4() {
		return narrower
	}
	return other
}

// bindDatagram makes a bound UDP socket. flags are libuv's.
func bindDatagram(addr netip.AddrPort, flags int) (int, error) {
	const ipv6Only, reuseAddr = 1, 4 // UV_UDP_IPV6ONLY, UV_UDP_REUSEADDR
	family, sa := steer.Sockaddr(addr)
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("bind udp %s: %w", addr, err)
	}
	if flags&reuseAddr != 0 {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil && family == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flags&ipv6Only)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind udp %s: %w", addr, err)
	}
	return fd, nil
}

// wantedDatagram is the address in a message. Node has looked the name up, and
// put any address in where the app gave none.
func wantedDatagram(m nodeipc.Message) (netip.AddrPort, error) {
	if m.FD != nil && *m.FD >= 0 || m.Port < 0 || m.Port > 65535 || m.Address == nil {
		return netip.AddrPort{}, errors.New("only an address and a port can be bound in a cluster")
	}
	addr, err := netip.ParseAddr(*m.Address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if addr.Is4() != (m.AddressType == "udp4") {
		return netip.AddrPort{}, fmt.Errorf("%s is no address of %s", addr, m.AddressType)
	}
	return netip.AddrPortFrom(addr.WithZone(""), uint16(m.Port)), nil
}

// bound notes that a worker's app has its socket.
func (a *Activator) bound(w *worker, m nodeipc.Message) {
	for key, l := range w.lent {
		if int(l.port) == m.Port {
			unix.Close(l.fd)
			delete(w.lent, key)
		}
	}
	for d, bound := range w.datagrams {
		if !bound && int(d.addr.Port()) == m.Port && d.addr.Addr().Is4() == (m.AddressType == "udp4") {
			w.datagrams[d] = true
			a.report(a.notifier.mark(w.listensMark(d.plain())))
		}
	}
}

// unbound forgets what a worker has closed under a key.
func (a *Activator) unbound(w *worker, key string) {
	if l, ok := w.lent[key]; ok {
		unix.Close(l.fd)
		delete(w.lent, key)
	}
	for d := range w.datagrams {
		if d.key() == key {
			a.withdrawDatagram(w, d)
		}
	}
}

// unbindAll forgets what a worker has that has ended.
func (a *Activator) unbindAll(w *worker) {
	for key := range w.lent {
		a.unbound(w, key)
	}
	for d := range w.datagrams {
		a.withdrawDatagram(w, d)
	}
}

func (a *Activator) withdrawDatagram(w *worker, d *datagram) {
	if w.datagrams[d] {
		a.report(a.notifier.forget(w.listensMark(d.plain())))
	}
	delete(w.datagrams, d)
	a.report(a.notifier.forget(w.givenMark(d.plain())))
}

// closeDatagrams gives up sockets that no socket unit declares and no worker has
// any more.
func (a *Activator) closeDatagrams() {
	a.datagrams = slices.DeleteFunc(a.datagrams, func(d *datagram) bool {
		if d.declared || a.anyoneIsBound(d) {
			return false
		}
		a.report(a.notifier.forget(d.storedName()))
		unix.Close(d.fd)
		return true
	})
}

func (a *Activator) anyoneIsBound(d *datagram) bool {
	for _, w := range a.workers {
		if _, given := w.datagrams[d]; given {
			return true
		}
	}
	return false
}

// declaresPort tells whether a socket unit declares a port, and listens whether
// the worker has one of those.
func (a *Activator) declaresPort(w *worker) (declares, listens bool) {
	for _, g := range a.groups {
		declares = declares || g.declared
		listens = listens || g.declared && w.listens[g]
	}
	for _, d := range a.datagrams {
		declares = declares || d.declared
		listens = listens || d.declared && w.datagrams[d]
	}
	return declares, listens
}
