package agent_test

import (
	"os"
	"testing"
	"time"
)

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
