package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

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
		goOn := filepath.Join(t.TempDir(), "go-on")
		blocking.ask("/block?ms=5000&until=" + goOn) // all of the following is within it
		w.await(`"block"`)

		var left []*client
		for _, c := range streams {
			c.wants(wholeStream)
			if !c.ended() {
				c.ask("/")
				left = append(left, c)
			}
		}
		if err := os.WriteFile(goOn, nil, 0o600); err != nil {
			t.Fatal(err)
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
