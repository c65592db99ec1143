package agent_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/test/nodes"
)

// copies is how many descriptors of a listener an instance inherits, as in
// cmd/gopm-activator.
const copies = 4

// startFork runs testdata/fork.cjs in fork mode with listeners to take over. It
// does what [worker.does] says.
func startFork(t testing.TB, major int, listeners ...*os.File) *worker {
	t.Helper()
	binary, err := nodes.Path(major)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := socketpair(t)
	defer theirs.Close()
	inherited := map[string][]int{}
	files := []*os.File{theirs}
	for _, l := range listeners {
		for range copies {
			inherited[l.Name()] = append(inherited[l.Name()], 3+len(files))
			files = append(files, l)
		}
	}
	text, err := json.Marshal(inherited)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{
		t:       t,
		node:    exec.Command(binary, "--require="+agentFile(t), filepath.Join("testdata", "fork.cjs"), port(listeners[0])),
		channel: ours,
		lent:    listeners,
		output:  &output{},
		events:  make(chan event, 1000),
		exited:  make(chan struct{}),
	}
	w.node.Env = []string{"NODE_CHANNEL_FD=3", "NODE_CHANNEL_SERIALIZATION_MODE=json", "GOPM_LISTEN=" + string(text)}
	w.node.ExtraFiles = files
	w.node.Stdout, w.node.Stderr = w.output, w.output
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

// declared is a listener of a socket unit, named as the activator names it.
func declared(t testing.TB, network, address string) *os.File {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if path, ok := l.(*net.UnixListener); ok {
		path.SetUnlinkOnClose(false)
	}
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var file *os.File
	if err := raw.Control(func(fd uintptr) {
		var copied int
		if copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3); err == nil {
			file = os.NewFile(uintptr(copied), l.Addr().String())
		}
	}); err != nil || file == nil {
		t.Fatalf("duplicate the listener: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// port is where a declared listener listens.
func port(l *os.File) string {
	_, port, err := net.SplitHostPort(l.Name())
	if err != nil {
		return ""
	}
	return port
}

// does has the app run JavaScript, in which PORT is that of its first listener,
// and returns what came of it, as JSON.
func (w *worker) does(code string) string {
	w.t.Helper()
	w.send(strings.ReplaceAll(code, "PORT", port(w.lent[0])))
	for {
		if got := w.next(); got != "listening" {
			return string(got)
		}
	}
}

// says checks what comes of JavaScript.
func (w *worker) says(code, want string) {
	w.t.Helper()
	want = strings.ReplaceAll(want, "PORT", port(w.lent[0]))
	if got := w.does(code); got != want {
		w.t.Errorf("%s\ncame to %s\nwant    %s", code, got, want)
	}
}

// handSpare gives the agent one more descriptor of a listener.
func (w *worker) handSpare(key string) error {
	for _, l := range w.lent {
		if l.Name() == key {
			return w.sendDescriptor(l, fmt.Sprintf(`{"cmd":"NODE_GOPM","act":"listener","key":%q}`, key))
		}
	}
	return fmt.Errorf("the agent asks for the listener %q", key)
}

// answers asks for / on a new connection.
func answers(t testing.TB, network, address string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, conn)
	c.ask("/")
	c.wants(hello)
	conn.Close()
}

// An app may close its port and open it again as often as it likes, in each way
// that Node has, and sees no difference.
func TestListenTakesOver(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		l := declared(t, "tcp", "[::]:0")
		w := startFork(t, major, l)
		const any = `{"address":"::","family":"IPv6","port":PORT}`
		for _, args := range []string{
			"PORT", "PORT, '::'", "'PORT', '0.0.0.0', 10", "{ port: PORT, exclusive: true, backlog: 7 }", "{ port: PORT, host: '0:0::0', ipv6Only: true }",
			"{ port: PORT, signal: (globalThis.abort = new AbortController()).signal }",
		} {
			w.says("globalThis.server = await listen(hello(), "+args+"); return server.address();", any)
			answers(t, "tcp", l.Name())
			w.says("return await closed(server);", "null")
		}
		w.says("server = await listen(hello(), { port: PORT, signal: (abort = new AbortController()).signal }); abort.abort(); return server.listening;", "false")
		// At once, and again and again before the channel can bring more.
		w.says("for (let i = 0; i < 3; i++) { const s = hello().listen(PORT); s.close(); } server = hello().listen(PORT); return server.address();", any)
		answers(t, "tcp", l.Name())
		w.says("return [cluster.isPrimary, 'GOPM_LISTEN' in process.env, process.execArgv, server._connectionKey];", `[true,false,[],"4:null:PORT"]`)
		w.says("return await listen(hello(), PORT).catch((err) => err.code);", `"EADDRINUSE"`)
	})
}

func TestListenElsewhere(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		everywhere, one := declared(t, "tcp", "[::]:0"), declared(t, "tcp", "127.0.0.1:0")
		w := startFork(t, major, everywhere, one)
		// One address of all: only who calls that one is served.
		w.says("globalThis.narrow = await listen(hello(), PORT, '127.0.0.1'); return narrow.address();", `{"address":"127.0.0.1","family":"IPv4","port":PORT}`)
		answers(t, "tcp", "127.0.0.1:"+port(everywhere))
		elsewhere, err := net.Dial("tcp", "127.0.0.2:"+port(everywhere))
		if err != nil {
			t.Fatal(err)
		}
		newClient(t, elsewhere).wantsEnd()
		w.says("await closed(narrow); return narrow.address();", `null`)
		w.says("return (await listen(hello(), PORT, '::1')).address();", `{"address":"::1","family":"IPv6","port":PORT}`)
		// The unit is the configuration.
		w.says("globalThis.server = await listen(hello(), "+port(one)+", '0.0.0.0'); return server.address().address;", `"127.0.0.1"`)
		answers(t, "tcp", one.Name())
		// Another port, and the same on another address, are the app's own.
		own := w.does("globalThis.own = await listen(hello(), 0, '127.0.0.1'); return own.address().port;")
		answers(t, "tcp", "127.0.0.1:"+own)
		w.says("return (await listen(hello(), "+port(one)+", '127.0.0.2')).address().address;", `"127.0.0.2"`)
	})
}

func TestListenOnAPath(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		name := filepath.Join(t.TempDir(), "s")
		l := declared(t, "unix", name)
		w := startFork(t, major, l)
		for range 2 {
			w.says(fmt.Sprintf("globalThis.server = await listen(hello(), %q); return server.address() === %[1]q;", name), "true")
			answers(t, "unix", name)
			w.says("return await closed(server);", "null")
		}
		w.says(fmt.Sprintf("return (await listen(hello(), %q)).address().length;", name+"2"), strconv.Itoa(len(name)+1))
	})
}

// What the app inherits is not inherited by its own children.
func TestListenersAreHiddenFromChildren(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startFork(t, major, declared(t, "tcp", "[::]:0"), declared(t, "tcp", "[::]:0"), declared(t, "tcp", "[::]:0"), declared(t, "tcp", "[::]:0"), declared(t, "tcp", "[::]:0"))
		w.says("await listen(hello(), PORT); return 0;", "0")
		const list = `'ls -l /proc/self/fd | grep -c socket; env | grep GOPM; true'`
		w.says("return require('child_process').execSync("+list+", { stdio: ['ignore', 'pipe', 'ignore'] }).toString();", `"0\n"`)
	})
}

// A cluster of the app's own has its primary listen.
func TestListenInAClusterOfTheApp(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		for _, policy := range []string{"SCHED_RR", "SCHED_NONE"} {
			l := declared(t, "tcp", "[::]:0")
			w := startFork(t, major, l)
			w.says("cluster.schedulingPolicy = cluster."+policy+"; const up = (w) => new Promise((r) => w.once('listening', r)); await up(cluster.fork()); await up(cluster.fork()); return 2;", "2")
			for range 4 {
				answers(t, "tcp", l.Name())
			}
			w.says("await new Promise((r) => cluster.disconnect(r)); globalThis.server = await listen(hello(), PORT); return 0;", "0")
			answers(t, "tcp", l.Name())
		}
	})
}

// While one instance ends what it has begun, who comes waits for the next.
func TestListenDrains(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		l := declared(t, "tcp", "[::]:0")
		old := startFork(t, major, l)
		old.says("globalThis.server = await listen(hello(), PORT); return 0;", "0")
		own := old.does("globalThis.own = await listen(hello(), 0); return own.address().port;")
		begun := dial(t, l.Name())
		begun.ask("/slow")
		old.await(`"slow"`)
		old.askToDrain()
		begun.wants(helloLast)
		begun.wantsEnd()
		old.await("drained")
		waits := dial(t, l.Name())
		waits.ask("/")
		// To the app its server is open, and what it opened itself is as it was.
		old.says("return [server.listening, server.address().port];", "[true,PORT]")
		answers(t, "tcp", "[::]:"+own)
		old.says("return await closed(server);", "null")

		next := startFork(t, major, l)
		next.says("await listen(hello(), PORT); return 0;", "0")
		waits.wants(hello)
	})
}
