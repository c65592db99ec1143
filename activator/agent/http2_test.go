package agent_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// onEachHTTP2 runs a test on each Node for a server of HTTP/2 without TLS, and
// for one that speaks TLS, and HTTP/1.1 to who asks for it.
func onEachHTTP2(t *testing.T, test func(t *testing.T, w *worker)) {
	t.Run("h2c", func(t *testing.T) {
		onEach(t, func(t *testing.T, major int) { test(t, startApp(t, major, "HTTP2=1")) })
	})
	t.Run("h2", func(t *testing.T) {
		onEach(t, func(t *testing.T, major int) {
			test(t, startApp(t, major, append(certificate(t), "HTTP2=1")...))
		})
	})
}

func TestBusyHTTP2ClientsAreAllAnsweredAndToldToLeave(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		const connections = 8
		streams := 8
		if w.secure() {
			streams = 1 // as Node can't announce its leave, no more is lossless
		}
		var busy, done sync.WaitGroup
		for range connections {
			c := dialHTTP2(t, w)
			for range streams {
				busy.Add(1)
				done.Go(func() {
					if answers, err := c.askUntilToldToLeave(busy.Done); err != nil {
						t.Errorf("after %d answers: %v", answers, err)
					} else if answers < 20 {
						t.Errorf("told to leave after %d answers, before the drain", answers)
					}
				})
			}
		}
		busy.Wait()
		w.askToDrain()
		done.Wait()
		w.await("drained")
	})
}

// With TLS, a client with many streams has some refused. It is told which, and
// the app has seen none of them, so that it may send them again.
func TestStreamsThatAreRefusedAreNotSeenByTheApp(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, append(certificate(t), "HTTP2=1")...)
		c := dialHTTP2(t, w)
		c.start(http.MethodGet, "/", nil).wants("hello")
		var busy, done sync.WaitGroup
		var answered atomic.Int64
		for range 16 {
			busy.Add(1)
			done.Go(func() {
				for i := 0; ; i++ {
					switch text, err := c.ask(http.MethodGet, "/count", nil); {
					case err == nil && text == "counted":
						answered.Add(1)
					case err != nil && (err.Error() == notSent || err.Error() == refused):
						return
					default:
						t.Errorf("got %q and error %v", text, err)
						return
					}
					if i == 20 {
						busy.Done()
					}
				}
			})
		}
		busy.Wait()
		w.askToDrain()
		done.Wait()
		w.await("drained")
		w.send("count")
		w.await(event(fmt.Sprintf(`"%d counted"`, answered.Load())))
	})
}

func TestHTTP1ClientsOfAnHTTP2Server(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, append(certificate(t), "HTTP2=1")...)
		keepBusyUntilDrained(t, w, func() *client { return dialTLS(t, w.address()) })
	})
}

func TestHTTP2StreamsEndBeforeTheirConnection(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		c := dialHTTP2(t, w)
		// Longer than an idle connection has.
		slow := c.start(http.MethodGet, "/slow?ms=4000", nil)
		w.await(`"slow"`)
		stream := c.start(http.MethodGet, "/stream?ms=4000", nil)
		w.await(`"stream"`)
		in, out := io.Pipe()
		upload := c.start(http.MethodPost, "/upload", in)
		w.await(`"upload"`)
		const half = 500_000
		io.WriteString(out, strings.Repeat("x", half))
		w.drain()
		time.Sleep(2500 * time.Millisecond)
		io.WriteString(out, strings.Repeat("x", half))
		out.Close()
		upload.wants("1000000")
		slow.wants("hello")
		stream.wants(wholeStream.body)
		w.await("drained")
	})
}

func TestIdleHTTP2ConnectionIsEnded(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		c := dialHTTP2(t, w)
		c.start(http.MethodGet, "/", nil).wants("hello")
		w.drain()
		w.await("drained")
	})
}

// A connection may have come, and its first request not, when the drain begins.
func TestHTTP2ConnectionGetsToSpeak(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		conn, err := net.Dial("tcp", w.address())
		if err != nil {
			t.Fatal(err)
		}
		w.await(`"connection"`)
		w.drain()
		c := dialHTTP2Over(t, w, func() (net.Conn, error) { return conn, nil })
		c.start(http.MethodGet, "/", nil).wants("hello")
		w.await("drained")
	})
}

// Not every client is there to answer, or to end its side.
func TestSilentHTTP2ClientIsNotWaitedFor(t *testing.T) {
	for name, closes := range map[string]bool{"open": false, "closed by the app": true} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, major int) {
				w := startApp(t, major, "HTTP2=1")
				c := dial(t, w.address())
				const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
				c.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
				c.wantsText("\x00\x00") // the server's, which may be of any size
				asked := time.Now()
				w.drain()
				if closes {
					w.send("close sessions")
				}
				w.await("drained")
				if grace := time.Since(asked); grace < 5*time.Second {
					t.Errorf("ended after %v, want 5 s or more", grace)
				}
			})
		})
	}
}

func TestAppThatClosesItsHTTP2ServerAfterTheDrainGetsNoError(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		c := dialHTTP2(t, w)
		c.start(http.MethodGet, "/", nil).wants("hello")
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

// http2Client is one connection to a worker. It never sends a request again.
type http2Client struct {
	t      testing.TB
	conn   *http.ClientConn
	scheme string
}

// dialHTTP2 connects as the worker's server speaks.
func dialHTTP2(t testing.TB, w *worker) *http2Client {
	t.Helper()
	return dialHTTP2Over(t, w, func() (net.Conn, error) { return net.Dial("tcp", w.address()) })
}

func dialHTTP2Over(t testing.TB, w *worker, dial func() (net.Conn, error)) *http2Client {
	t.Helper()
	transport := &http.Transport{
		DialContext:     func(context.Context, string, string) (net.Conn, error) { return dial() },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		Protocols:       new(http.Protocols),
	}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	c := &http2Client{t: t, scheme: "http"}
	if w.secure() {
		c.scheme = "https"
	}
	var err error
	if c.conn, err = transport.NewClientConn(t.Context(), c.scheme, w.address()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// secure tells whether the app speaks TLS.
func (w *worker) secure() bool {
	for _, variable := range w.node.Env {
		if strings.HasPrefix(variable, "CERT=") {
			return true
		}
	}
	return false
}

// ask sends one request and reads its answer.
func (c *http2Client) ask(method, path string, body io.Reader) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.scheme+"://app"+path, body)
	if err != nil {
		return "", err
	}
	response, err := c.conn.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || response.ProtoMajor != 2) {
		err = fmt.Errorf("got %s %s", response.Proto, response.Status)
	}
	return string(text), err
}

// What net/http says of a request that it did not send, as the server has told
// it to leave, and of one that the server has not named in its last GOAWAY.
const (
	notSent = "http2: client conn not usable"
	refused = "http2: Transport received Server's graceful shutdown GOAWAY"
)

// askUntilToldToLeave sends one request after the other. It tells (once) when
// some were answered.
func (c *http2Client) askUntilToldToLeave(some func()) (answers int, err error) {
	for {
		text, err := c.ask(http.MethodGet, "/", nil)
		if err != nil && err.Error() == notSent {
			return answers, nil
		}
		if err != nil || text != "hello" {
			return answers, fmt.Errorf("got %q and error %w", text, err)
		}
		answers++
		if answers == 20 {
			some()
		}
	}
}

// start sends a request whose answer is awaited later.
func (c *http2Client) start(method, path string, body io.Reader) *http2Answer {
	a := &http2Answer{t: c.t, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.text, a.err = c.ask(method, path, body)
	}()
	return a
}

type http2Answer struct {
	t    testing.TB
	done chan struct{}
	text string
	err  error
}

func (a *http2Answer) wants(text string) {
	a.t.Helper()
	<-a.done
	if a.err != nil || a.text != text {
		a.t.Fatalf("got %q and error %v, want %q", a.text, a.err, text)
	}
}
