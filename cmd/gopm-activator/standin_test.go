package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// standIn stands in for systemd: it has the sockets and the descriptor store.
type standIn struct {
	t         *testing.T
	dir       string
	env       []string // of all
	exec      []string // the worker's command line
	port      int
	control   *os.File
	listener  *os.File
	activator *started
	commands  map[string]*started
	said      syncBuffer
	hearing   sync.WaitGroup

	mu     sync.Mutex
	stored map[string]*os.File
	point  int // at which the activator is killed, from now on
	killed bool
	last   string // that was heard while there was a point
}

func newStandIn(t *testing.T, node, mode string) *standIn {
	t.Helper()
	agent, err := filepath.Abs("../../activator/agent/agent.cjs")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "gopm") // t.TempDir's names are too long for a socket's
	if err != nil {
		t.Fatal(err)
	}
	m := &standIn{t: t, dir: dir, commands: make(map[string]*started), stored: make(map[string]*os.File), point: never, last: "nothing"}
	m.exec = []string{"--agent=" + agent, "exec", "my-api", "0", "--", node, "testdata/app.cjs"}
	if mode == "fork" {
		m.exec = []string{"--fork", "exec", "my-api", "0", "--", node, "--require=" + agent, "testdata/app.cjs"}
	}
	at := control.Manager{Runtime: dir}.Address("my-api").Path
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	listen := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	listen.SetMultipathTCP(false) // systemd's have none
	m.control = m.file(listen.Listen(t.Context(), "unix", at))
	tcp, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err == nil {
		m.port = tcp.Addr().(*net.TCPAddr).Port
	}
	m.listener = m.file(tcp, err)
	m.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "JOURNAL_STREAM=") }),
		"PORT="+strconv.Itoa(m.port), "INVOCATION_ID="+startingRun, startingActive+"="+m.active(), "GOPM_INSTANCES=1", "GOPM_WAIT_READY=yes", "GOPM_MODE="+mode,
		"GORACE=atexit_sleep_ms=0") // at each end of a process it would be a second
	return m
}

// file is a listener's socket.
func (m *standIn) file(l net.Listener, err error) *os.File {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	if l, ok := l.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
	defer l.Close()
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		m.t.Fatal(err)
	}
	return file
}

func (m *standIn) close() {
	for _, s := range append(slices.Collect(maps.Values(m.commands)), m.activator) {
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	m.hearing.Wait()
	for _, file := range append(slices.Collect(maps.Values(m.stored)), m.control, m.listener) {
		file.Close()
	}
	os.RemoveAll(m.dir)
}

// begin starts a command of the worker's unit.
func (m *standIn) begin(verb string) {
	m.t.Helper()
	args := map[string][]string{
		"exec":  m.exec,
		"wait":  {"wait", "my-api", "0"},
		"drain": {"drain", "--timeout=10s", "my-api", "0"},
	}[verb]
	env := []string{starting + "=command"}
	if verb != "exec" {
		env = append(env, "MAINPID="+strconv.Itoa(m.commands["exec"].cmd.Process.Pid))
	}
	args = append([]string{"gopm-activator", "--runtime=" + m.dir}, args...)
	m.commands[verb] = m.run(append(env, startingArgs+"="+strings.Join(args, "\n")))
}

// is notes the ActiveState of the worker's unit.
func (m *standIn) is(active string) {
	m.t.Helper()
	if err := os.WriteFile(m.active(), []byte(active), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *standIn) active() string { return filepath.Join(m.dir, "active") }

// killAt has the activator killed at a point from now on.
func (m *standIn) killAt(point int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.point, m.killed = point, false
}

// disarm has the activator not killed from now on, and tells whether it was.
func (m *standIn) disarm() (killed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.point = never
	return m.killed
}

// serve starts an activator with what is stored, to be killed at a point.
func (m *standIn) serve(point int) {
	m.t.Helper()
	m.killAt(point)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "told")
	defer theirs.Close()
	names, files := []string{"told", "control", "my-api.socket"}, []*os.File{theirs, m.control, m.listener}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, file := range m.stored {
		names, files = append(names, name), append(files, file)
	}
	worker := strconv.Itoa(m.commands["exec"].cmd.Process.Pid)
	m.activator = m.run([]string{starting + "=activator", "GOPM_TEST_NAMES=" + strings.Join(names, " "), "GOPM_TEST_WORKER=" + worker}, files...)
	activator := m.activator.cmd.Process
	m.hearing.Go(func() { m.hear(fds[0], activator) })
}

// hear hears what an activator says, and lets it go on, until its end.
func (m *standIn) hear(fd int, activator *os.Process) {
	defer unix.Close(fd)
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	for {
		n, came, _, _, err := unix.Recvmsg(fd, text, rights, unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			return
		}
		if m.hears(string(text[:n]), rightsIn(rights[:came])) {
			_ = activator.Kill()
			return
		}
		_, _ = unix.Write(fd, []byte{0})
	}
}

// hears is the descriptor store (sd_notify(3)). It returns whether the activator is to be
// killed now.
func (m *standIn) hears(text string, fds []int) (kill bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	point := m.point
	if point != never {
		m.point = max(never, point-2)
	}
	m.killed = point == 0 || point == 1
	if point == 0 {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return true
	}
	if point != never {
		m.last = strings.ReplaceAll(text, "\n", " ")
	}
	_, name, _ := strings.Cut(text, "FDNAME=")
	switch {
	case strings.Contains(text, "FDSTORE=1"):
		m.stored[name] = os.NewFile(uintptr(fds[0]), name)
	case strings.Contains(text, "FDSTOREREMOVE=1") && m.stored[name] != nil:
		m.stored[name].Close()
		delete(m.stored, name)
	}
	return point == 1
}

func rightsIn(rights []byte) (fds []int) {
	messages, _ := unix.ParseSocketControlMessage(rights)
	for _, m := range messages {
		more, _ := unix.ParseUnixRights(&m)
		fds = append(fds, more...)
	}
	return fds
}

// after is what was heard last before a kill.
func (m *standIn) after() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// ask sends a request that is under way when it returns, and then what became of it.
func (m *standIn) ask(path string) <-chan error {
	m.t.Helper()
	conn, err := net.Dial("tcp", m.at())
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	begun := make(chan error, 1)
	// The app sends "100 Continue" first.
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		m.t.Fatalf("it answers %q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	go func() {
		defer conn.Close()
		response, err := http.ReadResponse(in, nil)
		if err == nil {
			err = isHello(response)
		}
		begun <- err
	}()
	return begun
}

func isHello(response *http.Response) error {
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "hello" {
		return fmt.Errorf("it answers %q, %v", body, err)
	}
	return nil
}

// at is where the app listens.
func (m *standIn) at() string { return "127.0.0.1:" + strconv.Itoa(m.port) }

// answers checks that the app does, both ways.
func (m *standIn) answers() error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + m.at())
	if err == nil {
		err = isHello(response)
	}
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", m.at())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	back := make([]byte, 16)
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	if n, err := conn.Read(back); err != nil || string(back[:n]) != "hello" {
		return fmt.Errorf("it answers %q, %v over UDP", back[:n], err)
	}
	return nil
}

// started is a process, and ended is closed when it has.
type started struct {
	cmd   *exec.Cmd
	ended chan struct{}
	state error
}

// err is how it has ended; nil where it has not.
func (s *started) err() error {
	if !s.hasEnded() {
		return nil
	}
	return s.state
}

func (s *started) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// run runs this binary again. Its files begin with the descriptor 3.
func (m *standIn) run(env []string, files ...*os.File) *started {
	m.t.Helper()
	s := &started{exec.Command(os.Args[0], "-test.run=^TestKilledWhileAWorkerStartsAndStops$"), make(chan struct{}), nil}
	s.cmd.Env, s.cmd.ExtraFiles = append(slices.Clone(m.env), env...), files
	s.cmd.Stdout, s.cmd.Stderr = &m.said, &m.said
	if err := s.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		s.state = s.cmd.Wait()
		close(s.ended)
	}()
	return s
}

// syncBuffer is what several processes say.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serveAsked is the activator.
func serveAsked(t *testing.T) {
	var passed []*os.File
	for i, name := range strings.Fields(os.Getenv("GOPM_TEST_NAMES")) {
		passed = append(passed, os.NewFile(uintptr(3+i), name))
	}
	worker, err := strconv.Atoi(os.Getenv("GOPM_TEST_WORKER"))
	if err != nil {
		t.Fatal(err)
	}
	settings, err := activator.ReadSettings("my-api", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	told, err := net.FileConn(passed[0])
	if err != nil {
		t.Fatal(err)
	}
	err = activator.Run(context.Background(), settings, activator.Environment{
		Getenv:  os.Getenv,
		Host:    os.DirFS("/"),
		Journal: activator.Stderr(os.Stderr),
		Manager: startingManager{worker: worker, active: os.Getenv(startingActive)},
		Passed:  passed[1:],
		Notify:  &asking{conn: told.(*net.UnixConn)},
	})
	t.Fatal(err)
}

// asking tells what an activator tells systemd, and waits until it may go on.
type asking struct {
	mu   sync.Mutex
	conn *net.UnixConn
}

func (a *asking) Say(state string) { a.tell(state, nil) }

func (a *asking) Keep(name string, fd int) error {
	a.tell("FDSTORE=1\nFDNAME="+name, unix.UnixRights(fd))
	return nil
}

func (a *asking) tell(text string, rights []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, _, err := a.conn.WriteMsgUnix([]byte(text), rights, nil); err != nil {
		os.Exit(exitFailed) // nobody hears it
	}
	_, _ = a.conn.Read(make([]byte, 1))
}

// startingManager knows one worker, and how far it is.
type startingManager struct {
	activator.Manager
	worker int
	active string // the file with its ActiveState
}

func (m startingManager) State(context.Context, string) (systemd.State, error) {
	active, err := os.ReadFile(m.active)
	return systemd.State{Active: string(active), PID: m.worker, Invocation: startingRun}, err
}

func (m startingManager) States(ctx context.Context, _ string) (map[string]systemd.State, error) {
	state, err := m.State(ctx, startingUnit)
	return map[string]systemd.State{startingUnit: state}, err
}

func (startingManager) UnitOf(context.Context, int) (string, error) { return startingUnit, nil }

func (startingManager) OwnJob(context.Context) (string, error) { return "", nil }

func (startingManager) Fate(context.Context, string) (systemd.Fate, error) {
	return systemd.Fate{}, nil
}

func (startingManager) Run(ctx context.Context, _ rollout.Verb, _ string) error {
	<-ctx.Done() // it is under way
	return ctx.Err()
}
