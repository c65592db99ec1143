package agent_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/steer"
)

// A Unix socket has one listener, which the worker gets for one connection at a
// time, on every Node.
func TestTurnsAtAUnixSocket(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		folder, err := os.MkdirTemp("", "turn") // t.TempDir's names are too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(folder) })
		at := filepath.Join(folder, "http.sock")
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		connect := func() *client {
			conn, err := net.Dial("unix", at)
			if err != nil {
				t.Fatal(err)
			}
			return newClient(t, conn)
		}
		w := startAnswering(t, major, "path.cjs", (*worker).promisePath, "SOCKET_PATH="+at)
		w.await("listening")
		turn := func() {
			t.Helper()
			if err := w.sendDescriptor(listener, `{"cmd":"NODE_GOPM","act":"turn","seq":1,"key":"`+at+`"}`); err != nil {
				t.Fatal(err)
			}
		}

		first, second := connect(), connect()
		turn()
		w.await("took")
		first.ask("/")
		first.wants(hello)
		// The other one is still in the queue: a turn is for one connection.
		second.ask("/")
		turn()
		w.await("took")
		second.wants(hello)

		// A turn that nothing has come for is given back, and so is a late one.
		turn()
		first.ask("/")
		first.wants(hello)
		w.askToDrain()
		w.await("took")
		turn()
		w.await("took")
		waits := connect()
		for _, c := range []*client{first, second} {
			c.ask("/")
			c.wants(helloLast)
			c.wantsEnd()
		}
		w.await("drained")
		if err := listener.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Fatalf("who came during the drain is not in the queue: %v", err)
		}
		conn.Close()
		waits.wantsEnd()
	})
}

// promisePath answers a queryServer for a path.
func (w *worker) promisePath(query message) error {
	_, err := fmt.Fprintf(w.channel, `{"cmd":"NODE_CLUSTER","ack":%d,"key":"path","errno":0,"data":null}`+"\n", query.Seq)
	return err
}

// Of a port each worker has a listener of its own. Who waits at another's is taken
// in turns, too.
func TestTurnsAtAnothersListener(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		shared := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
			var err error
			controlErr := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			})
			return errors.Join(controlErr, err)
		}}
		listen := func(at string) *net.TCPListener {
			l, err := shared.Listen(t.Context(), "tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return l.(*net.TCPListener)
		}
		own := listen("127.0.0.1:0")
		others := listen(own.Addr().String())
		w := startAnswering(t, major, "app.cjs", func(w *worker, query message) error {
			w.listeners = append(w.listeners, own)
			return w.sendDescriptor(own, fmt.Sprintf(`{"cmd":"NODE_CLUSTER","ack":%d,"key":"own","errno":0,"data":null}`, query.Seq))
		})
		w.await("listening")
		var clients []*client
		for range 16 { // the kernel's hash spreads them
			c := dial(t, own.Addr().String())
			c.ask("/")
			clients = append(clients, c)
		}
		queued, err := steer.Queue(descriptor(t, others))
		if err != nil || queued == 0 {
			t.Fatalf("%d connections wait at the other listener, %v; want some", queued, err)
		}
		for seq := range queued {
			line := fmt.Sprintf(`{"cmd":"NODE_GOPM","act":"turn","seq":%d,"key":"%s"}`, seq+1, own.Addr())
			if err := w.sendDescriptor(others, line); err != nil {
				t.Fatal(err)
			}
			w.await("took")
		}
		for _, c := range clients {
			c.wants(hello)
		}
		w.send(message{Cmd: "NODE_GOPM", Act: "ping"})
		w.await("pong")
	})
}

func descriptor(t *testing.T, of syscall.Conn) int {
	t.Helper()
	raw, err := of.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := raw.Control(func(fd uintptr) { got = int(fd) }); err != nil {
		t.Fatal(err)
	}
	return got
}
