package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

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
