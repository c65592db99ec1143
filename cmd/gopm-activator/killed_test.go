package main

import (
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
	"github.com/gopm/gopm/test/nodes"
)

// starting is how this test binary is run again: as an activator that asks before it
// goes on, and as the commands of a worker's unit.
const (
	starting     = "GOPM_TEST_STARTING"
	startingArgs = "GOPM_TEST_ARGS"
)

// Of the one run of the one worker.
const (
	startingUnit = "my-api@0.service"
	startingRun  = "0123456789abcdef0123456789abcdef"
)

// Wherever in a worker's start the activator is killed: its successor finishes it.
// Between what an activator tells systemd, it may be killed before systemd has heard it
// and after.
func TestKilledWhileAWorkerStarts(t *testing.T) {
	switch os.Getenv(starting) {
	case "activator":
		serveAsked(t)
		return
	case "command":
		os.Args = strings.Split(os.Getenv(startingArgs), "\n")
		main()
		return
	}
	supported := nodes.Supported()
	oldest, newest := supported[0], supported[len(supported)-1]
	tests := map[string]struct {
		major int
		mode  string
	}{
		"the oldest Node": {oldest, "cluster"},
		"the newest Node": {newest, "cluster"},
		"fork mode":       {newest, "fork"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, err := nodes.Path(test.major)
			if err != nil {
				t.Fatal(err)
			}
			points := 0
			for startKilled(t, node, test.mode, points) {
				points++
			}
			// What it stores at the least is a channel, and that its worker is ready.
			if points < 2*2 {
				t.Errorf("there were %d points at which it could be killed", points)
			}
			t.Logf("killed at %d points", points)
		})
	}
}

// startKilled starts a worker and kills its activator at a point; false where it was
// ready before that. The even points are before systemd has heard what it is told, and
// the odd ones after.
func startKilled(t *testing.T, node, mode string, point int) (killed bool) {
	t.Helper()
	m := newMachine(t, node, mode)
	defer m.close()
	m.begin("exec")
	m.begin("wait")
	m.serve(point)
	select {
	case <-m.activator.ended:
		killed = true
		m.serve(-1)
	case <-m.commands["wait"].ended:
	}
	select {
	case <-m.commands["wait"].ended:
	case <-time.After(20 * time.Second):
		t.Errorf("killed at point %d, after %s: the worker was not ready 20 s later", point, m.after())
	}
	if err := m.commands["wait"].err(); err != nil {
		t.Errorf("killed at point %d, after %s: wait failed: %v", point, m.after(), err)
	}
	if err := m.answers(); err != nil {
		t.Errorf("killed at point %d, after %s: %v", point, m.after(), err)
	}
	if m.commands["exec"].hasEnded() {
		t.Errorf("killed at point %d, after %s: the worker has ended: %v", point, m.after(), m.commands["exec"].err())
	}
	if t.Failed() {
		t.Fatalf("what they said:\n%s", m.said.String())
	}
	return killed
}

// startingMachine stands in for systemd: it has the sockets and the descriptor store.
type startingMachine struct {
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
	last   string
}

func newMachine(t *testing.T, node, mode string) *startingMachine {
	t.Helper()
	agent, err := filepath.Abs("../../activator/agent/agent.cjs")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "gopm") // t.TempDir's names are too long for a socket's
	if err != nil {
		t.Fatal(err)
	}
	m := &startingMachine{t: t, dir: dir, commands: make(map[string]*started), stored: make(map[string]*os.File), last: "nothing"}
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
		"PORT="+strconv.Itoa(m.port), "INVOCATION_ID="+startingRun, "GOPM_INSTANCES=1", "GOPM_WAIT_READY=yes", "GOPM_MODE="+mode)
	return m
}

// file is a listener's socket.
func (m *startingMachine) file(l net.Listener, err error) *os.File {
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

func (m *startingMachine) close() {
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
func (m *startingMachine) begin(verb string) {
	m.t.Helper()
	args := []string{"wait", "my-api", "0"}
	env := []string{starting + "=command"}
	if verb == "exec" {
		args = m.exec
	} else {
		env = append(env, "MAINPID="+strconv.Itoa(m.commands["exec"].cmd.Process.Pid))
	}
	args = append([]string{"gopm-activator", "--runtime=" + m.dir}, args...)
	m.commands[verb] = m.start(append(env, startingArgs+"="+strings.Join(args, "\n")))
}

// serve starts an activator with what is stored, and kills it at a point; not where that
// is negative.
func (m *startingMachine) serve(point int) {
	m.t.Helper()
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
	m.activator = m.start([]string{starting + "=activator", "GOPM_TEST_NAMES=" + strings.Join(names, " "), "GOPM_TEST_WORKER=" + worker}, files...)
	m.hearing.Go(func() { m.hear(fds[0], m.activator.cmd.Process, point) })
}

// hear hears what an activator says, and lets it go on, until its end.
func (m *startingMachine) hear(fd int, activator *os.Process, point int) {
	defer unix.Close(fd)
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	for heard := 0; ; heard++ {
		n, came, _, _, err := unix.Recvmsg(fd, text, rights, unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			return
		}
		if heard == point/2 && point >= 0 && point%2 == 0 {
			_ = activator.Kill()
			closeRights(rights[:came])
			return
		}
		m.keep(string(text[:n]), rights[:came], point >= 0)
		if heard == point/2 && point%2 == 1 {
			_ = activator.Kill()
			return
		}
		_, _ = unix.Write(fd, []byte{0})
	}
}

// after is what was heard last before a kill.
func (m *startingMachine) after() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

func closeRights(rights []byte) {
	for _, fd := range rightsIn(rights) {
		unix.Close(fd)
	}
}

func rightsIn(rights []byte) (fds []int) {
	messages, _ := unix.ParseSocketControlMessage(rights)
	for _, m := range messages {
		more, _ := unix.ParseUnixRights(&m)
		fds = append(fds, more...)
	}
	return fds
}

// keep is the descriptor store (sd_notify(3)).
func (m *startingMachine) keep(text string, rights []byte, beforeKill bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if beforeKill {
		m.last = strings.ReplaceAll(text, "\n", " ")
	}
	_, name, _ := strings.Cut(text, "FDNAME=")
	switch {
	case strings.Contains(text, "FDSTORE=1"):
		m.stored[name] = os.NewFile(uintptr(rightsIn(rights)[0]), name)
	case strings.Contains(text, "FDSTOREREMOVE=1") && m.stored[name] != nil:
		m.stored[name].Close()
		delete(m.stored, name)
	}
}

// answers checks that the app does, both ways.
func (m *startingMachine) answers() error {
	at := "127.0.0.1:" + strconv.Itoa(m.port)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + at)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "hello" {
		return fmt.Errorf("it answers %q, %v", body, err)
	}
	conn, err := net.Dial("udp", at)
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

// start runs this binary again. Its files begin with the descriptor 3.
func (m *startingMachine) start(env []string, files ...*os.File) *started {
	m.t.Helper()
	s := &started{exec.Command(os.Args[0], "-test.run=^TestKilledWhileAWorkerStarts$"), make(chan struct{}), nil}
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
		Manager: startingManager{worker: worker},
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

// startingManager knows one worker, which starts.
type startingManager struct {
	activator.Manager
	worker int
}

func (m startingManager) State(context.Context, string) (systemd.State, error) {
	return systemd.State{Active: "activating", Sub: "start-post", PID: m.worker, Invocation: startingRun}, nil
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
