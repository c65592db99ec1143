package activator

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		socket, app string
		want        relation
	}{
		{"[::]:3000", "[::]:3000", same},
		{"[::]:3000", "0.0.0.0:3000", wider},
		{"0.0.0.0:3000", "[::]:3000", wider},
		{"127.0.0.1:3000", "[::]:3000", wider},
		{"127.0.0.1:3000", "127.0.0.1:3000", same},
		{"[::]:3000", "127.0.0.1:3000", narrower},
		{"0.0.0.0:3000", "192.0.2.1:3000", narrower},
		{"127.0.0.1:3000", "192.0.2.1:3000", other},
		{"[::]:3000", "[::]:3001", other},
	}
	for _, test := range tests {
		if got := match(netip.MustParseAddrPort(test.socket), netip.MustParseAddrPort(test.app)); got != test.want {
			t.Errorf("a socket on %s for an app that wants %s: %v, want %v", test.socket, test.app, got, test.want)
		}
	}
}

func TestSamePath(t *testing.T) {
	for _, app := range []string{"/run/my-api/http.sock", "/var/run/my-api/http.sock", "/run//my-api/x/../http.sock"} {
		if !samePath("/run/my-api/http.sock", app) {
			t.Errorf("%s is not the socket", app)
		}
	}
	for _, app := range []string{"/run/my-api/http.sock2", "/var/run", "run/my-api/http.sock"} {
		if samePath("/run/my-api/http.sock", app) {
			t.Errorf("%s passes for the socket", app)
		}
	}
}

func TestPathOf(t *testing.T) {
	at := t.TempDir() + "/http.sock"
	for network, want := range map[string]string{"unix": at, "unixpacket": "", "tcp": ""} {
		address := at
		if network == "tcp" {
			address = "127.0.0.1:0"
		}
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		file, err := listener.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		if got := pathOf(int(file.Fd())); got != want {
			t.Errorf("the path of a %s listener is %q, want %q", network, got, want)
		}
		file.Close()
		listener.Close()
	}
}

func TestStoredNamesAreTold(t *testing.T) {
	addr := netip.MustParseAddrPort("[::]:3000")
	w := &worker{run: run{3, "6bda4ba2bbc346e6a31f2e3639620796"}}
	onPath := &group{path: "/run/my api/http.sock"}
	for _, name := range []string{listenerName(addr, 2), w.channelName(), w.readyMark(), w.listensMark(onPath.plain())} {
		if !isStored(name) {
			t.Errorf("%s passes for a socket unit's", name)
		}
	}
	for _, name := range []string{"my-api.socket", "channel-4.socket", "control"} {
		if isStored(name) {
			t.Errorf("%s passes for a stored one", name)
		}
	}
	instance, invocation, ok := parseChannelName(w.channelName())
	if instance != w.instance || invocation != w.invocation || !ok {
		t.Errorf("%s is read as %d, %s, %v", w.channelName(), instance, invocation, ok)
	}
}
