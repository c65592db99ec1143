package agent_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
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
