package agent_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// udp makes a socket on the loopback, which reads for patience at most.
func udp(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A worker that leaves answers what it has read, and leaves what it has not to
// the others, which have the same socket.
func TestDatagramsInADrain(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		shared, backend, client := udp(t), udp(t), udp(t)
		go func() {
			buffer := make([]byte, 100)
			for {
				n, from, err := backend.ReadFrom(buffer)
				if err != nil {
					return
				}
				_, _ = backend.WriteTo(append([]byte("re: "), buffer[:n]...), from)
			}
		}()
		share := func(w *worker, query message) error { return w.shareDatagrams(shared, query) }
		_, port, _ := net.SplitHostPort(backend.LocalAddr().String())
		w := startAnswering(t, major, "datagrams.cjs", share, "BACKEND="+port)
		w.await("listening")

		send := func(text string) {
			if _, err := client.WriteTo([]byte(text), shared.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		reads := func(conn *net.UDPConn, want string) {
			t.Helper()
			buffer := make([]byte, 100)
			n, _, err := conn.ReadFrom(buffer)
			if err != nil || string(buffer[:n]) != want {
				t.Errorf("a socket gets %q, %v; want %q", buffer[:n], err, want)
			}
		}
		send("first")
		w.await(`"read first"`)
		w.askToDrain()
		reads(client, "re: first")
		w.await("drained")
		send("second")
		reads(shared, "second")
		if w.seen(`"read second"`) {
			t.Error("the worker still reads")
		}
	})
}

// shareDatagrams answers a queryServer with a UDP socket, as Node's own primary
// does.
func (w *worker) shareDatagrams(socket *net.UDPConn, query message) error {
	line := fmt.Sprintf(`{"cmd":"NODE_HANDLE","type":"dgram.Native","msg":{"cmd":"NODE_CLUSTER","ack":%d,"key":"udp","errno":0,"data":null}}`+"\n", query.Seq)
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		_, _, sendErr = w.channel.WriteMsgUnix([]byte(line), syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sendErr)
}
