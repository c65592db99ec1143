package activator

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

func TestMatchDatagram(t *testing.T) {
	tests := []struct {
		socket, app string
		want        relation
	}{
		{"0.0.0.0:5353", "0.0.0.0:5353", same},
		{"127.0.0.1:5353", "0.0.0.0:5353", wider},
		{"0.0.0.0:5353", "127.0.0.1:5353", narrower},
		{"[::]:5353", "[::1]:5353", narrower},
		{"[::]:5353", "0.0.0.0:5353", narrower}, // systemd's, for a port alone
		{"[::]:5353", "127.0.0.1:5353", narrower},
		{"[::1]:5353", "0.0.0.0:5353", other},
		{"0.0.0.0:5353", "[::]:5353", other},
		{"0.0.0.0:5353", "0.0.0.0:5354", other},
	}
	for _, test := range tests {
		if got := matchDatagram(netip.MustParseAddrPort(test.socket), netip.MustParseAddrPort(test.app)); got != test.want {
			t.Errorf("a socket on %s for an app that wants %s: %v, want %v", test.socket, test.app, got, test.want)
		}
	}
}

func TestWantedDatagram(t *testing.T) {
	message := func(kind, address string, port int) nodeipc.Message {
		return nodeipc.Message{AddressType: kind, Address: &address, Port: port}
	}
	three := 3
	tests := []struct {
		message nodeipc.Message
		want    string
	}{
		{message("udp4", "0.0.0.0", 5353), "0.0.0.0:5353 <nil>"},
		{message("udp6", "::", 0), "[::]:0 <nil>"},
		{message("udp4", "::1", 5353), "invalid AddrPort ::1 is no address of udp4"},
		{message("udp6", "127.0.0.1", 5353), "invalid AddrPort 127.0.0.1 is no address of udp6"},
		{message("udp4", "localhost", 5353), `invalid AddrPort ParseAddr("localhost"): unable to parse IP`},
		{message("udp4", "0.0.0.0", 70000), "invalid AddrPort only an address and a port can be bound in a cluster"},
		{nodeipc.Message{AddressType: "udp4", Port: 1}, "invalid AddrPort only an address and a port can be bound in a cluster"},
		{nodeipc.Message{AddressType: "udp4", FD: &three, Address: new(string)}, "invalid AddrPort only an address and a port can be bound in a cluster"},
	}
	for _, test := range tests {
		addr, err := wantedDatagram(test.message)
		if got := fmt.Sprint(addr, " ", err); got != test.want {
			t.Errorf("%+v is %s, want %s", test.message, got, test.want)
		}
	}
}

func TestBindDatagram(t *testing.T) {
	const ipv6Only = 1
	one, err := bindDatagram(netip.MustParseAddrPort("[::]:0"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(one)
	addr, err := steer.DatagramAddress(one)
	if err != nil || !isUDP(one) || addr.Port() == 0 {
		t.Fatalf("it is bound to %s, %v", addr, err)
	}
	second := netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port())
	if _, err := bindDatagram(second, 0); errnoOf(err) != unix.EADDRINUSE {
		t.Errorf("udp4 beside a dual-stack udp6: %v, want EADDRINUSE", err)
	}
	only, err := bindDatagram(netip.MustParseAddrPort("[::]:0"), ipv6Only)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(only)
	if addr, err = steer.DatagramAddress(only); err != nil {
		t.Fatal(err)
	}
	beside, err := bindDatagram(netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port()), 0)
	if err != nil {
		t.Fatalf("udp4 beside an ipv6Only udp6: %v", err)
	}
	unix.Close(beside)

	d := &datagram{addr: addr}
	w := &worker{run: run{3, "6bda4ba2bbc346e6a31f2e3639620796"}}
	for _, name := range []string{d.storedName(), w.givenMark(d.plain()), w.listensMark(d.plain())} {
		if !isStored(name) || !isName(name) {
			t.Errorf("%s passes for a socket unit's", name)
		}
	}
}
