package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// served is a server whose quick answers are "at once", to what asks for a status, and
// whose greet says what it has read.
type served struct {
	t       *testing.T
	server  *Server
	name    string
	greeted chan struct{} // has one for each client of greet, before it is heard
	quick   func(Hello, func([]byte)) bool
	ended   chan struct{}
}

// listening is one that does not serve yet.
func listening(t *testing.T) *served {
	t.Helper()
	// A name of no folder: users other than ours may not enter those of a test.
	s := &served{t: t, name: fmt.Sprintf("@gopm-%d-%s", os.Getpid(), t.Name()), greeted: make(chan struct{}, 2*maxClients), ended: make(chan struct{})}
	fd, err := Listen(s.name)
	if err == nil {
		s.server, err = NewServer(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.quick = func(hello Hello, answer func([]byte)) bool {
		if hello.Verb != Look {
			return false
		}
		answer([]byte("at once"))
		return true
	}
	return s
}

func (s *served) serve() {
	go func() {
		defer close(s.ended)
		s.server.Serve(func(hello Hello, answer func([]byte)) bool { return s.quick(hello, answer) }, func(c *Client) {
			s.greeted <- struct{}{}
			hello, err := c.ReadHello()
			text := fmt.Sprintf("greeted: %s, %d bytes", hello.Verb, len(hello.Data))
			if err != nil {
				text = "greeted: " + err.Error()
			}
			Finish(c.Conn, []byte(text))
		})
	}()
	s.t.Cleanup(s.close)
}

func (s *served) close() {
	s.server.Close()
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		s.t.Error("it is closed and goes on")
	}
}

// client has said text.
func (s *served) client(text string) *net.UnixConn {
	s.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.name, Net: "unix"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	s.says(conn, text)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func (s *served) says(conn net.Conn, text string) {
	s.t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
}

// hears checks all that a client is told.
func (s *served) hears(conn net.Conn, want string) {
	s.t.Helper()
	got, err := io.ReadAll(conn)
	if want == tooLong && errors.Is(err, unix.ECONNRESET) {
		err = nil // as not all was read (unix(7))
	}
	if err != nil || string(got) != want {
		s.t.Errorf("it is told %.100q, %v; want %.100q", got, err, want)
	}
}

// tooLong is what who says too much is told.
const tooLong = "greeted: client sent no whole line"

const looks = `{"gopm":"status"}` + "\n"

// padded is a question of so many bytes.
func padded(size int) string {
	return strings.Replace(looks, "{", "{"+strings.Repeat(" ", size-len(looks)), 1)
}

func TestServe(t *testing.T) {
	tests := map[string]struct {
		before string // said before the server looks
		after  string // said after that
		want   string
	}{
		"at once":               {looks, "", "at once"},
		"late":                  {"", looks, "greeted: status, 0 bytes"},
		"in pieces":             {looks[:7], looks[7:], "greeted: status, 0 bytes"},
		"the newline is late":   {looks[:len(looks)-1], "\n", "greeted: status, 0 bytes"},
		"what takes long":       {`{"gopm":"send","data":"x"}` + "\n", "", "greeted: send, 3 bytes"},
		"a message":             {`{"gopm":"send","data":"` + strings.Repeat("x", 20000) + `"}` + "\n", "", "greeted: send, 20002 bytes"},
		"too long":              {`{"gopm":"send","data":"` + strings.Repeat("x", MaxMessage) + `"}` + "\n", "", tooLong},
		"as long as it may be":  {padded(mostSaid - 1), "", "at once"},
		"longer":                {padded(mostSaid), "", "greeted: status, 0 bytes"},
		"two at a time":         {looks + looks, "", "greeted: client's line is not a request: invalid character '{' after top-level value"},
		"two, and one is whole": {looks + looks[:7], looks[7:], "greeted: client's line is not a request: invalid character '{' after top-level value"},
		"garbage":               {"hello\n", "", "greeted: client's line is not a request: invalid character 'h' looking for beginning of value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := listening(t)
			conn := s.client(test.before)
			s.serve()
			if test.after != "" {
				<-s.greeted
				s.says(conn, test.after)
			}
			s.hears(conn, test.want)
		})
	}
}

// Who ends without a word is no more than an error of greet's.
func TestServeNobody(t *testing.T) {
	s := listening(t)
	conn := s.client("")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.client(looks).Close()
	last := s.client(looks)
	s.serve()
	s.hears(conn, "greeted: client sent no whole line")
	s.hears(last, "at once")
}

// long does not fit into any socket's buffer.
var long = strings.Repeat("all that there is to be told\n", 1<<18)

// Who does not read keeps nobody waiting, and gets all of it when it does.
func TestServeWhoDoesNotRead(t *testing.T) {
	s := listening(t)
	texts := []string{long, "short"}
	s.quick = func(_ Hello, answer func([]byte)) bool {
		answer([]byte(texts[0]))
		texts = texts[1:]
		return true
	}
	first, second := s.client(looks), s.client(looks)
	s.serve()
	s.hears(second, "short")
	s.hears(first, long)
}

// later is a server that keeps all answers.
func later(t *testing.T) (s *served, answers chan func([]byte)) {
	s = listening(t)
	answers = make(chan func([]byte), 2*maxClients)
	s.quick = func(_ Hello, answer func([]byte)) bool {
		answers <- answer
		return true
	}
	return s, answers
}

// An answer may come later, even after the end of the server, or be none.
func TestServeLater(t *testing.T) {
	s, answers := later(t)
	first, second, third := s.client(looks), s.client(looks), s.client(looks)
	waits := s.client("")
	s.serve()
	one, two, three := <-answers, <-answers, <-answers
	two([]byte(long))
	s.hears(second, long)
	one(nil)
	s.hears(first, "")
	<-s.greeted
	s.close()
	three([]byte("after all"))
	s.hears(third, "after all")
	s.says(waits, looks)
	s.hears(waits, "greeted: status, 0 bytes")
}

// One user's clients are not heard without end; whose answer has come makes room.
func TestServeTooMany(t *testing.T) {
	s, answers := later(t)
	var clients []*net.UnixConn
	for range maxClients {
		clients = append(clients, s.client(looks))
	}
	over := s.client("")
	s.serve()
	s.hears(over, "")
	for i, text := range []string{"short", long} {
		(<-answers)([]byte(text))
		s.hears(clients[i], text)
		// There is room soon after.
		for deadline := time.Now().Add(10 * time.Second); len(answers) < maxClients; {
			if time.Now().After(deadline) {
				t.Fatal("nobody is heard in place of who has left")
			}
			s.refused(s.client(looks), answers)
		}
	}
	for range maxClients {
		(<-answers)(nil)
	}
}

// refused returns when a client has been closed, or heard.
func (s *served) refused(conn net.Conn, answers chan func([]byte)) {
	for len(answers) < maxClients {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// Out of descriptors, it goes on when there are some again.
func TestServeOutOfDescriptors(t *testing.T) {
	s := listening(t)
	conn := s.client(looks)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	free, err := unix.Dup(int(os.Stdin.Fd())) // the next one
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	restore := func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, err = s.server.accept()
	time.AfterFunc(retryPause/2, restore)
	s.serve()
	s.hears(conn, "at once")
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("without descriptors it fails with %v", err)
	}
}

// No client can have anything closed that takes long, where the kernel knows how to
// refuse it; the others are answered all the same.
func TestServeTakesNoDescriptors(t *testing.T) {
	s := listening(t)
	want := unix.EPERM
	if err := s.server.raw.Control(func(fd uintptr) {
		if _, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS); err != nil {
			want = 0 // Linux before 6.16
		}
	}); err != nil {
		t.Fatal(err)
	}
	conn := s.client("")
	if _, _, err := conn.WriteMsgUnix([]byte(looks), unix.UnixRights(0), nil); want != 0 && !errors.Is(err, want) || want == 0 && err != nil {
		t.Errorf("who sends a descriptor is told %v", err)
	}
	if want != 0 {
		s.says(conn, looks)
	}
	s.serve()
	s.hears(conn, "at once")
}

// Where the kernel lets a client send what takes long to be closed, one that is refused
// keeps nobody waiting.
func TestServeWhoLingers(t *testing.T) {
	s := listening(t)
	if err := s.server.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 1) // as before Linux 6.16
	}); err != nil {
		t.Fatal(err)
	}
	lingers := lingering(t)
	as(t, 65534, func() {
		for range maxClients {
			s.client("")
		}
		if _, _, err := s.client("").WriteMsgUnix([]byte("x"), unix.UnixRights(int(lingers.Fd())), nil); err != nil {
			t.Error(err)
		}
	})
	lingers.Close()
	last := s.client(looks)
	s.serve()
	s.hears(last, "at once")
}

// lingering is a TCP socket that is closed in a minute (SO_LINGER), or when the test ends:
// nobody reads what was written to it.
func lingering(t *testing.T) *os.File {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	tcp := conn.(*net.TCPConn)
	if err := errors.Join(tcp.SetLinger(60), tcp.SetWriteDeadline(time.Now().Add(100*time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = tcp.Write(make([]byte, 1<<20))
	}
	file, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestNewServer(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewServer(fd)
	if want := "use control socket: it is not a Unix socket"; err == nil || err.Error() != want {
		t.Errorf("it fails with %v, want %s", err, want)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the descriptor is not closed: %v", err)
	}
}

// A client of another user is never read by the one goroutine that all wait for, and
// says less.
func TestServeOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root is somebody else")
	}
	for line, want := range map[string]string{
		looks: "greeted: status, 0 bytes",
		`{"gopm":"send","data":"` + strings.Repeat("x", MaxLine) + `"}` + "\n": tooLong,
	} {
		s := listening(t)
		var conn *net.UnixConn
		as(t, 65534, func() { conn = s.client("") })
		s.says(conn, line)
		s.serve()
		s.hears(conn, want)
		s.close()
	}
}

// as does something as another user. Credentials are a thread's.
func as(t *testing.T, uid int, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)      // also where do fails
		runtime.LockOSThread() // and never unlocked: the thread ends
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			t.Error(errno)
			return
		}
		do()
	}()
	if <-done; t.Failed() {
		t.FailNow()
	}
}
