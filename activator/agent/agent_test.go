// Package agent_test runs the agent in real Node workers. Where a test sleeps,
// the sleep is the case (a client that lets time pass), never its verdict.
package agent_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopm/gopm/test/nodes"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait for the agent's patience to end, so many can run
	// at once whatever the number of CPUs is.
	if err := flag.Set("test.parallel", "20"); err != nil {
		panic(err)
	}
	// Only Node opens the scripts. Without this, go test would not know that a
	// result it has cached depends on them.
	for _, folder := range []string{".", "testdata"} {
		if _, err := os.ReadDir(folder); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// onEach runs a test in parallel on each supported version of Node.
func onEach(t *testing.T, test func(t *testing.T, major int)) {
	t.Parallel()
	for _, major := range nodes.Supported() {
		t.Run(fmt.Sprintf("node%d", major), func(t *testing.T) {
			t.Parallel()
			test(t, major)
		})
	}
}

var (
	hello     = answer{200, "hello", false}
	helloLast = answer{200, "hello", true}

	wholeStream = answer{200, "part 0\npart 1\npart 2\npart 3\npart 4\npart 5\npart 6\npart 7\npart 8\npart 9\n", false}
)

func TestBusyClientsAreAllAnsweredAndToldToLeave(t *testing.T) {
	onEach(t, testBusyClients)
}

// Node 16 isn't supported any more, but isn't broken either.
func TestBusyClientsOnNode16(t *testing.T) {
	t.Parallel()
	testBusyClients(t, 16)
}

func testBusyClients(t *testing.T, major int) {
	w := startApp(t, major)
	keepBusyUntilDrained(t, w, func() *client { return dial(t, w.address()) })
}

// keepBusyUntilDrained drains the worker when each of some busy keep-alive
// clients has had a number of answers.
func keepBusyUntilDrained(t *testing.T, w *worker, connect func() *client) {
	var busy, done sync.WaitGroup
	for range 16 {
		busy.Add(1)
		c := connect()
		done.Go(func() {
			if answers, err := c.askUntilClose(busy.Done); err != nil {
				t.Errorf("after %d answers: %v", answers, err)
			} else if answers < 20 {
				t.Errorf("told to leave after %d answers, before the drain", answers)
			}
		})
	}
	busy.Wait()
	w.askToDrain()
	done.Wait()
	w.await("drained")
}

func TestWorkerWithoutConnectionsIsDrainedAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		w.askToDrain()
		if first, second := w.next(), w.next(); first != "close" || second != "drained" {
			t.Errorf("the worker told %q, then %q; want close, then drained", first, second)
		}
		w.askToDrain()
		if again := w.next(); again != "drained" {
			t.Errorf("the worker told %q when asked again, want drained", again)
		}
	})
}

func TestIdleConnectionIsEndedAfterTheGraceOnly(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		asked := time.Now()
		w.drain()
		c.wantsEnd()
		if grace := time.Since(asked); grace < 2*time.Second {
			t.Errorf("ended after %v, want 2 s or more", grace)
		}
		w.await("drained")
	})
}

func TestIdleConnectionIsAnsweredWithinTheGrace(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.drain()
		c.ask("/")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

func TestSilentConnectionGetsToSpeak(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		speaks, silent := dial(t, w.address()), dial(t, w.address())
		w.await(`"connection"`)
		w.await(`"connection"`)
		asked := time.Now()
		w.drain()

		speaks.ask("/")
		speaks.wants(helloLast)
		speaks.wantsEnd()

		silent.wantsEnd()
		if grace := time.Since(asked); grace < 5*time.Second {
			t.Errorf("the silent connection was ended after %v, want 5 s or more", grace)
		}
		w.await("drained")
	})
}

func TestRequestInFlightIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/held")
		w.await(`"held"`)
		w.drain()
		w.send("let go")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

func TestUploadIsReceivedToItsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		const half = 500_000
		c.write(fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n", 2*half))
		w.await(`"upload"`)
		c.write(strings.Repeat("x", half))
		w.drain()
		time.Sleep(3 * time.Second) // longer than an idle connection has
		c.write(strings.Repeat("x", half))
		c.wants(answer{200, "1000000", true})
		c.wantsEnd()
		w.await("drained")
	})
}

// The answer comes while the client sends. Closing the connection then would
// make the kernel send a reset.
func TestUploadThatTheAppRefusesUnreadIsNotReset(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.drain()
		const part, parts = 100_000, 100
		c.write(fmt.Sprintf("POST /refuse HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n", part*parts))
		c.wants(answer{413, "too large", true})
		for range parts {
			c.write(strings.Repeat("x", part))
		}
		c.wantsEnd()
		w.await("drained")
	})
}

func TestStreamIsSentToItsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/stream?ms=3000") // longer than an idle connection has
		w.await(`"stream"`)
		w.drain()
		c.wants(wholeStream) // its header was sent before the drain, so the client may go on
		c.ask("/")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

func TestPipelinedRequestsAreAllAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		before, during, fast := dial(t, w.address()), dial(t, w.address()), dial(t, w.address())
		during.ask("/")
		during.wants(hello)
		fast.ask("/")
		fast.wants(hello)
		before.ask("/slow?ms=300", "/slow?ms=200", "/slow?ms=100")
		for range 3 {
			w.await(`"slow"`)
		}
		w.drain()
		during.ask("/slow?ms=300", "/slow?ms=200", "/slow?ms=100")
		fast.ask("/", "/", "/")
		for _, c := range []*client{before, during, fast} {
			for range 3 {
				got, _, err := c.read()
				if err != nil {
					t.Fatal(err)
				}
				if got.status != 200 || got.body != "hello" {
					t.Fatalf("got %s, want %s", got, hello)
				}
			}
			c.wantsEnd()
		}
		w.await("drained")
	})
}

func TestAppsOwnKeepAliveHeaderIsOverruled(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		paths := []string{"/own/set", "/own/object", "/own/array", "/own/pairs", "/own/set-and-object", "/own/removed"}
		clients := map[string]*client{}
		for _, path := range paths {
			clients[path] = dial(t, w.address())
			clients[path].ask("/")
			clients[path].wants(hello)
		}
		w.drain()
		for _, path := range paths {
			clients[path].ask(path)
			header := clients[path].wants(helloLast)
			clients[path].wantsEnd()
			if cookies := strings.Join(header["Set-Cookie"], " "); path == "/own/array" && cookies != "a=1 b=2" {
				t.Errorf("%s: got cookies %q, want a=1 b=2", path, cookies)
			}
		}
		w.await("drained")
	})
}

// While the event loop stands still nobody is quiet: requests wait unread. The
// connections were left by the server at different times, so that for some of
// them the grace ends just then.
func TestBlockedEventLoopIsNotSilence(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		blocking := dial(t, w.address())
		w.await(`"connection"`)
		var streams []*client
		for ms := 300; ms < 2800; ms += 50 {
			c := dial(t, w.address())
			c.ask(fmt.Sprintf("/stream?ms=%d", ms))
			w.await(`"stream"`)
			streams = append(streams, c)
		}
		w.drain()
		time.Sleep(2800 * time.Millisecond)
		blocking.ask("/block?ms=5000") // long enough for all of the following on a busy machine
		w.await(`"block"`)

		var left []*client
		for _, c := range streams {
			c.wants(wholeStream)
			if !c.ended() {
				c.ask("/")
				left = append(left, c)
			}
		}
		for _, c := range append(left, blocking) {
			c.wants(helloLast)
			c.wantsEnd()
		}
		w.await("drained")
	})
}

func TestUpgradedConnectionIsNotCut(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.write("GET / HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		c.wantsText("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		c.write("before")
		c.wantsText("before")
		w.drain()
		time.Sleep(6 * time.Second) // longer than a connection that spoke, or didn't, has
		c.write("after")
		c.wantsText("after")
		if w.seen("drained") {
			t.Error("the worker said that it is drained, with a connection open")
		}
		c.conn.Close()
		w.await("drained")
	})
}

// Also: two HTTP servers and one of the app's own protocol in one worker.
func TestModulesAndServersOfEachKind(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "app.mjs")
		for range 3 {
			w.await("listening")
		}
		// The worker asks for its listeners in the order of the script.
		first, second := dial(t, w.address()), dial(t, w.listeners[1].Addr().String())
		for _, c := range []*client{first, second} {
			c.ask("/")
			c.wants(hello)
		}
		own := dial(t, w.listeners[2].Addr().String())
		own.wantsText("220 hello\n")
		w.await(`"connection"`)

		w.drain()
		for _, c := range []*client{first, second} {
			c.ask("/")
			c.wants(helloLast)
			c.wantsEnd()
		}
		time.Sleep(6 * time.Second)
		if w.seen("drained") {
			t.Error("the worker said that it is drained, with a connection open")
		}
		own.write("still here")
		own.wantsText("still here")
		own.conn.Close()
		w.await("drained")
	})
}

// What waits in the queue of a worker that has died the activator accepts, and
// hands over.
func TestWorkerThatIsHandedConnections(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startAnswering(t, major, "app.cjs", (*worker).promiseConnections)
		w.await("listening")
		c := dial(t, w.address())
		w.handConnection()
		c.ask("/")
		c.wants(hello)

		w.drain()
		late := dial(t, w.address())
		w.handConnection()
		w.await("refused")
		late.wantsEnd() // the activator would give it to another worker

		c.ask("/")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

// An HTTP/1.0 client knows by the end of the connection that an answer is whole.
func TestOldClientIsNotLeftWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		plain, keepAlive := dial(t, w.address()), dial(t, w.address())
		w.await(`"connection"`)
		w.await(`"connection"`)
		w.drain()
		for _, header := range []string{"", "Connection: keep-alive\r\n"} {
			c := plain
			if header != "" {
				c = keepAlive
			}
			c.write("GET /stream?ms=10 HTTP/1.0\r\n" + header + "\r\n")
			got, _, err := c.read()
			if err != nil || got.body != wholeStream.body {
				t.Errorf("got %s and error %v, want %s", got, err, wholeStream)
			}
			c.wantsEnd()
		}
		w.await("drained")
	})
}

func TestAppThatClosesItsServerBeforeTheDrain(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/slow?ms=1000")
		w.await(`"slow"`)
		w.send("close")
		w.await("close")
		w.askToDrain()
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

func TestAppThatClosesItsServerDuringTheDrain(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/slow?ms=1000")
		w.await(`"slow"`)
		w.drain()
		w.send("close")
		c.wants(helloLast)
		c.wantsEnd()
		if told := w.next(); told != "drained" {
			t.Errorf("the worker told %q, want drained and no second close", told)
		}
	})
}

// The answer to a listen() may come when the drain has begun.
func TestServerThatStartsDuringTheDrainAcceptsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.drain()
		w.send("listen")
		w.await("close")
		c.ask("/")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

// An app's server.close() on SIGINT must find its server as it left it.
func TestAppThatClosesItsServerAfterTheDrainGetsNoError(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		w.askToDrain()
		w.await("drained")
		if err := w.node.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if code, out := w.exitCode(), w.output.String(); code != 0 || out != "" {
			t.Errorf("the worker exited with %d and printed %q, want 0 and nothing", code, out)
		}
	})
}

func TestAppThatLeavesItsChannelDuringTheDrain(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major)
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.drain()
		w.send("disconnect") // cluster ends a worker then
		if code, out := w.exitCode(), w.output.String(); code != 0 || out != "" {
			t.Errorf("the worker exited with %d and printed %q, want 0 and nothing", code, out)
		}
	})
}

// Node closes the servers then, and the channel when they are closed: after the
// last answer. The worker ends by itself.
func TestWorkerThatDisconnectsItself(t *testing.T) {
	for name, drain := range map[string]func(*worker){"served": func(*worker) {}, "drained": (*worker).drain} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, major int) {
				w := startApp(t, major)
				c := dial(t, w.address())
				c.ask("/held")
				w.await(`"held"`)
				drain(w)
				w.send("let go")
				w.send("leave")
				if got, _, err := c.read(); err != nil || got.body != hello.body {
					t.Errorf("got %s and error %v, want %s", got, err, hello)
				}
				c.conn.Close()
				if code, out := w.exitCode(), w.output.String(); code != 0 || out != "" {
					t.Errorf("the worker exited with %d and printed %q, want 0 and nothing", code, out)
				}
			})
		})
	}
}

// As with PM2, such an app is a worker already, and can't fork.
func TestAppThatUsesClusterItself(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "cluster.cjs")
		if told := w.next(); told != `{"isWorker":true,"fork":"undefined"}` {
			t.Errorf("the app says %s, want that it is a worker", told)
		}
		w.await("listening")
		c := dial(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.drain()
		c.ask("/")
		c.wants(helloLast)
		c.wantsEnd()
		w.await("drained")
	})
}

func TestAgentDoesNotKeepAScriptAlive(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "unref.cjs")
		if code, out := w.exitCode(), w.output.String(); code != 0 || out != "" {
			t.Errorf("the worker exited with %d and printed %q, want 0 and nothing", code, out)
		}
	})
}

func TestAgentIsInertInChildrenAndThreads(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "inherit.cjs", "GOPM_LOG_TYPE=plain", "GOPM_LOG_NAME=my-api")
		wanted := map[event]bool{
			`{"who":"worker","files":["agent.cjs","datagrams.cjs","dates.cjs","disk.cjs","drain.cjs","http2.cjs","logs.cjs","measures.cjs"]}`: true,
			`{"who":"forked","files":["agent.cjs"]}`:  true,
			`{"who":"spawned","files":["agent.cjs"]}`: true,
			`{"who":"thread","files":["agent.cjs"]}`:  true,
		}
		for len(wanted) > 0 {
			told := w.next()
			if !wanted[told] {
				t.Fatalf("told %s, want one of %v", told, wanted)
			}
			delete(wanted, told)
		}
	})
}
