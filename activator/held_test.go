package activator

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// blocking is a socket as systemd passes it: in blocking mode, and ours alone.
func blocking(t *testing.T, socket interface{ File() (*os.File, error) }) int {
	t.Helper()
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3) // Fd() has made it block
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestHeldSockets(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()

	var log bytes.Buffer
	a := &Activator{settings: Settings{App: "web", Fork: true, Surge: 1}, journal: newJournal(journalText(&log), "web")}
	if a.overlaps() {
		t.Error("instances overlap that open the port themselves")
	}
	fds := []int{blocking(t, tcp.(*net.TCPListener)), blocking(t, udp.(*net.UDPConn)), blocking(t, local.(*net.UnixListener))}
	if err := a.holdSockets(fds); err != nil {
		t.Fatal(err)
	}
	if want := "web.socket has a socket that no instance gets: listener is not a TCP socket"; !strings.Contains(log.String(), want) {
		t.Errorf("the journal has %q, want %q", log.String(), want)
	}
	if len(a.held) != 2 || a.held[0].name != tcp.Addr().String() || a.held[1].name != path || !a.overlaps() {
		t.Fatalf("held are %v", a.held)
	}
	for _, h := range a.held {
		if flags, err := unix.FcntlInt(uintptr(h.fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("%s blocks (%v)", h.name, err)
		}
		if err := unix.Listen(h.fd, 5); err != nil {
			t.Fatal(err)
		}
	}
	a.lengthenQueues()
	// Of a listener it is the backlog (tcp_get_info in the kernel's net/ipv4/tcp.c).
	info, err := unix.GetsockoptTCPInfo(a.held[0].fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Sacked <= 5 {
		t.Errorf("the backlog is %d (%v)", info.Sacked, err)
	}
}
