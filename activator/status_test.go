package activator

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// shown is an activator with a control socket.
type shown struct {
	underAttack
	t   *testing.T
	at  string
	end func()
}

// lookedAt is one that does not serve yet.
func lookedAt(t *testing.T) shown {
	t.Helper()
	u, end := attacked(t)
	a := shown{u, t, fmt.Sprintf("@gopm-%d-%s", os.Getpid(), t.Name()), end}
	fd, err := control.Listen(a.at)
	if err == nil {
		a.Activator.control, err = control.NewServer(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Activator.control.Close() })
	return a
}

// says is a client who has said that.
func (a shown) says(text []byte) *net.UnixConn {
	a.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: a.at, Net: "unix"})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write(text); err != nil {
		a.t.Fatal(err)
	}
	return conn
}

// client has asked for the status, what workers measure included, which may take so
// long. It stops in the middle until what it has said is read.
func (a shown) client(patience time.Duration, stops bool) *net.UnixConn {
	a.t.Helper()
	line := control.Line(control.Hello{Verb: control.Look, MeasureMS: patience.Milliseconds()})
	if !stops {
		return a.says(line)
	}
	conn := a.says(line[:7])
	for unread(a.t, conn) > 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := conn.Write(line[7:]); err != nil {
		a.t.Fatal(err)
	}
	return conn
}

// unread is what the other side has not read (SIOCOUTQ, unix(7)).
func unread(t *testing.T, conn *net.UnixConn) (bytes int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if bytes, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// answer is all that a client is told.
func (a shown) answer(conn *net.UnixConn) string {
	a.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		a.t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		a.t.Error(err)
	}
	return string(text)
}

// surveying waits until so many clients wait for workers.
func (a shown) surveying(clients int) {
	for waits := 0; waits < clients; {
		if !a.do(func() { waits = len(a.surveys) }) {
			return // it has ended
		}
	}
}

// Whoever asks is told the same.
func TestShow(t *testing.T) {
	a := lookedAt(t)
	defer a.end()
	first := a.client(0, false)
	go a.acceptControl()
	got := a.answer(first)
	if lines := strings.Split(got, "\n"); len(lines) != 5 ||
		!strings.HasPrefix(lines[0], `{"status":{"app":"my-api","mode":"cluster","instances":2,"ready":2,`) ||
		!strings.HasPrefix(lines[1], `{"worker":{"instance":0,`) || !strings.HasPrefix(lines[2], `{"worker":{"instance":1,`) || lines[3] != `{"done":true}` {
		t.Errorf("it is told %q", got)
	}
	if late := a.answer(a.client(0, true)); late != got {
		t.Errorf("who is slow is told %q, and not %q", late, got)
	}
	const unknown = `{"done":true,"error":"client asks for \"dance\", which is unknown; is it of another version?"}` + "\n"
	if got := a.answer(a.says(control.Line(control.Hello{Verb: "dance"}))); got != unknown {
		t.Errorf("who asks for something else is told %q, want %q", got, unknown)
	}
}

// Who waits for workers keeps nobody else waiting, and is told when they have answered.
func TestShowMeasures(t *testing.T) {
	for _, stops := range []bool{false, true} {
		a := lookedAt(t)
		first := (*net.UnixConn)(nil)
		if !stops {
			first = a.client(time.Hour, stops)
		}
		go a.acceptControl()
		if stops {
			first = a.client(time.Hour, stops)
		}
		a.surveying(1)
		if got := a.answer(a.client(0, false)); strings.Contains(got, "measures") {
			t.Errorf("who does not ask for measures is told %q", got)
		}
		for _, w := range []*worker{a.good, a.hostile} {
			if err := a.hear(w, measuredLine); err != nil {
				t.Error(err)
			}
		}
		if got := a.answer(first); strings.Count(got, `"measures":{"heap_used":1,`) != 2 || !strings.HasSuffix(got, `{"done":true}`+"\n") {
			t.Errorf("it is told %q", got)
		}
		a.Activator.control.Close()
		a.end()
	}
}

// Who waits for workers of an activator that ends is told nothing.
func TestShowEnds(t *testing.T) {
	a := lookedAt(t)
	first := a.client(time.Hour, false)
	go a.acceptControl()
	second := a.client(time.Hour, true)
	a.surveying(2)
	a.end()
	for _, conn := range []*net.UnixConn{first, second} {
		if got := a.answer(conn); got != "" {
			t.Errorf("it is told %q", got)
		}
	}
}
