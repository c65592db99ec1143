package steer

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Address reads the local address of a TCP socket; an error for another kind.
func Address(fd int) (netip.AddrPort, error) {
	return address(fd, unix.SOCK_STREAM, "listener is not a TCP socket")
}

// DatagramAddress is Address for a UDP socket.
func DatagramAddress(fd int) (netip.AddrPort, error) {
	return address(fd, unix.SOCK_DGRAM, "not a UDP socket")
}

// address reads the local address of a socket of one kind; other is the error for
// any other.
func address(fd, kind int, other string) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read address of socket: %w", err)
	}
	if is, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || is != kind {
		return netip.AddrPort{}, errors.New(other)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, errors.New(other)
}

// Sockaddr is an address as socket(2) and bind(2) take it.
func Sockaddr(addr netip.AddrPort) (family int, sa unix.Sockaddr) {
	if addr.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
}
