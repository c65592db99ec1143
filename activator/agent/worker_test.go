package agent_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/test/nodes"
)

// patience bounds what must happen, on a machine with other things to do. It is
// longer than the agent's own times, so it never decides a test that passes.
const patience = 30 * time.Second

// worker is Node with the agent, and the test is its cluster primary: as in
// production it hands over listeners that it keeps open itself.
type worker struct {
	t         testing.TB
	node      *exec.Cmd
	channel   *net.UnixConn
	answer    func(*worker, message) error // to a queryServer
	output    *output
	events    chan event
	exited    chan struct{} // closed when node.ProcessState is set
	listeners []*net.TCPListener
	lent      []*os.File // in fork mode, those of a socket unit
}

// event is what the worker tells: "drained", "listening", "close" (a listener
// was given up), "took" (a turn at a listener), "pong", "measured" and what, "refused" (a connection), or the JSON text of a message of the
// app's.
type event string

// message is a line on the channel, with the fields that the test looks at.
type message struct {
	Cmd string `json:"cmd,omitempty"`
	Act string `json:"act,omitempty"`
	Seq int    `json:"seq,omitempty"`
	Ack int    `json:"ack,omitempty"`
	Key string `json:"key,omitempty"`
	// Data of a queryServer goes into the answer: a TLS server's ticket keys, for
	// lack of which Node throws.
	Data     json.RawMessage `json:"data,omitempty"`
	Measures json.RawMessage `json:"measures,omitempty"`
	// Accepted answers a newconn.
	Accepted *bool `json:"accepted,omitempty"`
}

// start runs a script of testdata on a major version of Node, and gives it a
// listener where it asks for one. env adds to a clean environment.
func start(t testing.TB, major int, script string, env ...string) *worker {
	t.Helper()
	return startAnswering(t, major, script, (*worker).handOver, env...)
}

// startAnswering is start with an answer of its own to a queryServer.
func startAnswering(t testing.TB, major int, script string, answer func(*worker, message) error, env ...string) *worker {
	t.Helper()
	binary, err := nodes.Path(major)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := socketpair(t)
	defer theirs.Close()

	w := &worker{
		t:       t,
		node:    exec.Command(binary, filepath.Join("testdata", script)),
		channel: ours,
		answer:  answer,
		output:  &output{},
		events:  make(chan event, 1000),
		exited:  make(chan struct{}),
	}
	w.node.Env = append([]string{
		"NODE_OPTIONS=--require=" + agentFile(t),
		"NODE_CHANNEL_FD=3",
		"NODE_CHANNEL_SERIALIZATION_MODE=json",
		"NODE_UNIQUE_ID=1",
	}, env...)
	w.node.ExtraFiles = []*os.File{theirs}
	w.node.Stdout = w.output
	w.node.Stderr = w.output
	if err := w.node.Start(); err != nil {
		t.Fatal(err)
	}
	go w.serve()
	go func() {
		w.node.Wait()
		close(w.exited)
	}()
	t.Cleanup(w.stop)
	return w
}

// startApp starts a script that listens once, and waits until it does.
func startApp(t testing.TB, major int, env ...string) *worker {
	t.Helper()
	w := start(t, major, "app.cjs", env...)
	w.await("listening")
	return w
}

func (w *worker) stop() {
	w.node.Process.Kill()
	<-w.exited
	w.channel.Close()
	for range w.events { // until serve has returned
	}
	for _, l := range w.listeners {
		l.Close()
	}
	if w.t.Failed() {
		w.t.Logf("output of the worker:\n%s", w.output)
	}
}

// serve answers the worker until its channel ends.
func (w *worker) serve() {
	defer close(w.events)
	lines := bufio.NewScanner(w.channel)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil || m.Cmd == "" {
			w.events <- event(lines.Text()) // the app's own
			continue
		}
		if m.Accepted != nil && !*m.Accepted {
			w.events <- "refused"
		}
		switch m.Act {
		case "queryServer":
			if err := w.answer(w, m); err != nil {
				w.t.Error(err)
				return
			}
		case "listener":
			if err := w.handSpare(m.Key); err != nil {
				w.t.Error(err)
			}
		case "listening", "close", "drained", "took", "pong":
			w.events <- event(m.Act)
		case "measured":
			w.events <- event("measured " + string(m.Measures))
		case "exitedAfterDisconnect":
			w.send(message{Cmd: "NODE_CLUSTER", Ack: m.Seq})
		}
	}
}

// handOver answers a queryServer with a new listener, which has O_NONBLOCK, as
// it must. The apps of testdata ask for port 0: Node compares any other with
// the listener's (lib/net.js, listenOnPrimaryHandle).
func (w *worker) handOver(query message) error {
	l, err := w.listen()
	if err != nil {
		return err
	}
	return w.sendDescriptor(l, fmt.Sprintf(
		`{"cmd":"NODE_CLUSTER","ack":%d,"key":"listener %d","errno":0,"data":%s}`,
		query.Seq, len(w.listeners), query.Data))
}

// promiseConnections answers a queryServer without a listener.
func (w *worker) promiseConnections(query message) error {
	l, err := w.listen()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.channel,
		`{"cmd":"NODE_CLUSTER","ack":%d,"key":"listener %d","errno":0,"data":%s,"sockname":{"port":%d}}`+"\n",
		query.Seq, len(w.listeners), query.Data, l.Addr().(*net.TCPAddr).Port)
	return err
}

// handConnection accepts for the first listener, and hands the worker what came.
func (w *worker) handConnection() {
	w.t.Helper()
	conn, err := w.listeners[0].AcceptTCP()
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	err = w.sendDescriptor(conn, `{"cmd":"NODE_CLUSTER","act":"newconn","key":"listener 1","seq":1}`)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *worker) listen() (*net.TCPListener, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err == nil {
		w.listeners = append(w.listeners, l)
	}
	return l, err
}

// sendDescriptor writes a line of Node's own that a descriptor comes with.
func (w *worker) sendDescriptor(of syscall.Conn, line string) error {
	raw, err := of.SyscallConn()
	if err != nil {
		return err
	}
	wrapped := `{"cmd":"NODE_HANDLE","type":"net.Native","msg":` + line + "}\n"
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		_, _, sendErr = w.channel.WriteMsgUnix([]byte(wrapped), syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sendErr)
}

// send writes a line to the worker: a message, or a string for the app.
func (w *worker) send(m any) {
	w.t.Helper()
	line, err := json.Marshal(m)
	if err == nil {
		_, err = w.channel.Write(append(line, '\n'))
	}
	if err != nil {
		w.t.Error(err)
	}
}

// drain asks for a drain, and returns when it has begun.
func (w *worker) drain() {
	w.t.Helper()
	w.askToDrain()
	for range w.listeners {
		w.await("close")
	}
}

func (w *worker) askToDrain() {
	w.t.Helper()
	w.send(message{Cmd: "NODE_GOPM", Act: "drain"})
}

// await skips events until one is as wanted.
func (w *worker) await(wanted event) {
	w.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got, ok := <-w.events:
			if !ok {
				w.t.Fatalf("the worker's channel ended while the test waited for %q", wanted)
			}
			if got == wanted {
				return
			}
		case <-timeout:
			w.t.Fatalf("no %q in %v", wanted, patience)
		}
	}
}

// next returns the next event, whatever it is.
func (w *worker) next() event {
	w.t.Helper()
	select {
	case got, ok := <-w.events:
		if !ok {
			w.t.Fatal("the worker's channel ended")
		}
		return got
	case <-time.After(patience):
		w.t.Fatalf("no event in %v", patience)
	}
	return ""
}

// seen tells whether an event is among those that came and weren't awaited.
func (w *worker) seen(wanted event) bool {
	for {
		select {
		case got, ok := <-w.events:
			if !ok {
				return false
			}
			if got == wanted {
				return true
			}
		default:
			return false
		}
	}
}

// exitCode waits for the end of the process.
func (w *worker) exitCode() int {
	w.t.Helper()
	select {
	case <-w.exited:
		return w.node.ProcessState.ExitCode()
	case <-time.After(patience):
		w.t.Fatalf("the worker did not exit in %v", patience)
	}
	return -1
}

// address is where the worker's only, or first, server listens.
func (w *worker) address() string {
	return w.listeners[0].Addr().String()
}

func agentFile(t testing.TB) string {
	t.Helper()
	name, err := filepath.Abs("agent.cjs")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func socketpair(t testing.TB) (ours *net.UnixConn, theirs *os.File) {
	t.Helper()
	ours, far, err := control.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if theirs, err = far.File(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// output collects what the worker prints.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return strings.TrimSpace(o.text.String())
}
