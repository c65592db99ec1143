package load

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"
)

func client(address string, p Profile) Client {
	return Client{Dial: new(net.Dialer).DialContext, Address: address, Profile: p, Connections: 4, Timeout: 5 * time.Second}
}

// until runs the load until the server was asked n times.
func until(t *testing.T, n int, handle http.HandlerFunc, start func(address string) *Running) Result {
	t.Helper()
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		handle(w, r)
	}))
	defer server.Close()
	running := start(server.Listener.Addr().String())
	for range n {
		<-asked
	}
	r, err := running.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte(`{"pid": 7}`))
}

func TestClientAnswered(t *testing.T) {
	for _, p := range append(Profiles(), Large) {
		r := until(t, 50, answer, func(address string) *Running {
			return client(address, p).Start(t.Context())
		})
		if r.Failures() != 0 || r.Answered < 50 || r.PIDs[7] != r.Answered || r.Longest == 0 {
			t.Errorf("%s: got %s by %v, longest %s", p, r, r.PIDs, r.Longest)
		}
	}
}

func TestClientFailures(t *testing.T) {
	hijack := func(do func(*net.TCPConn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			do(conn.(*net.TCPConn))
			conn.Close()
		}
	}
	tests := map[string]http.HandlerFunc{
		"reset":      hijack(func(c *net.TCPConn) { c.SetLinger(0) }),
		"closed":     hijack(func(*net.TCPConn) {}),
		"status 503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
		"other":      func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>")) },
		"timeout":    func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for want, handle := range tests {
		r := until(t, 8, handle, func(address string) *Running {
			c := client(address, KeepAlive)
			if want == "timeout" {
				c.Timeout = 20 * time.Millisecond
			}
			return c.Start(t.Context())
		})
		if r.Answered != 0 || r.Failed[want] < 8 || r.Failures() != r.Failed[want] || len(r.Examples) == 0 {
			t.Errorf("%s: got %s; %s", want, r, strings.Join(r.Examples, "; "))
		}
	}
}

// A kept connection that the server closes between two requests is a failure
// of the next one: net/http would hide it.
func TestClientKeptConnectionClosed(t *testing.T) {
	r := until(t, 8, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"pid\":7}"))
		conn.Close()
	}, func(address string) *Running {
		return client(address, KeepAlive).Start(t.Context())
	})
	if r.Answered == 0 || r.Failed["closed"]+r.Failed["reset"] == 0 {
		t.Errorf("got %s, want some answered and some closed or reset", r)
	}
}

func TestClientRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	tried := make(chan struct{})
	c := client(listener.Addr().String(), PerRequest)
	dial := c.Dial
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case tried <- struct{}{}:
		default:
		}
		return dial(ctx, network, address)
	}
	running := c.Start(t.Context())
	<-tried
	r, err := running.Stop()
	if err != nil || r.Answered != 0 || r.Failed["refused"] == 0 || r.Failures() != r.Failed["refused"] {
		t.Errorf("got %s, %v, want only refused", r, err)
	}
}

func TestWrk(t *testing.T) {
	for _, p := range Profiles() {
		r := until(t, 50, answer, func(address string) *Running {
			running, err := Wrk{Command: exec.CommandContext, Address: address, Profile: p, Connections: 4, Timeout: 5 * time.Second}.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return running
		})
		if r.Failures() != 0 || r.Answered < 40 {
			t.Errorf("%s: got %s, want at least 40 answered and none failed", p, r)
		}
	}
}

func TestParseWrk(t *testing.T) {
	r, err := parseWrk(`Running 2s test @ http://127.0.0.1:3000/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    10.00ms    1.00ms  11.00ms   69.00%
    Req/Sec     1.00k     1.00     1.00k    69.00%
  Latency Distribution
     50%  850.00us
     75%    9.00ms
     90%    9.50ms
     99%    1.02s 
  2000 requests in 2.00s, 1.00MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 500
Requests/sec:   1000.00
Transfer/sec:      0.50MB
`)
	want := Result{Answered: 1500, Failed: map[string]int{"connect": 1, "read": 2, "write": 3, "timeout": 4, "status": 500},
		Took: 2 * time.Second, P50: 850 * time.Microsecond, P99: 1020 * time.Millisecond}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, %v, want %+v", r, err, want)
	}
	if got, want := r.String(), "1500 answered, 510 failed (1 connect, 2 read, 500 status, 4 timeout, 3 write)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	_, err = parseWrk("unable to connect to 127.0.0.1:3000 Connection refused\n")
	wantErr := "read wrk's summary: no number of requests in:\nunable to connect to 127.0.0.1:3000 Connection refused\n"
	if err == nil || err.Error() != wantErr {
		t.Errorf("got error %v, want %s", err, wantErr)
	}
}

func TestCallers(t *testing.T) {
	r := until(t, 50, answer, func(address string) *Running {
		return Callers{Dial: new(net.Dialer).DialContext, Address: address, Rate: 1000, Random: rand.New(rand.NewPCG(1, 1)),
			Path: func(*rand.Rand) string { return "/" }, Timeout: 5 * time.Second}.Start(t.Context())
	})
	if r.Failures() != 0 || r.Answered < 50 || len(r.Trace) != r.Answered || r.PIDs[7] != r.Answered {
		t.Errorf("got %s by %v, %d traced", r, r.PIDs, len(r.Trace))
	}
}

func TestHolder(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			answer(w, r)
			return
		}
		w.Header().Set("X-Worker", "8")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}))
	defer server.Close()
	for pid, webSocket := range map[int]bool{7: false, 8: true} {
		h := Holder{Dial: new(net.Dialer).DialContext, Address: server.Listener.Addr().String(), WebSocket: webSocket, Timeout: 5 * time.Second}
		held, err := h.Open(t.Context(), 3, 0)
		if err != nil || held.PIDs[pid] != 3 {
			t.Errorf("got %v, %v, want 3 of %d", held.PIDs, err, pid)
		}
		held.Close()
	}
}

func TestTrace(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	ms := time.Millisecond
	trace := Trace{{at(10), 5 * ms, false}, {at(0), 10 * ms, false}, {at(20), 100 * ms, true}, {at(70), 20 * ms, false}}
	got := []time.Duration{trace.Quantile(0.5), trace.Quantile(1), trace.Longest(), trace.Pause(at(0), at(95)), trace.Between(at(5), at(70)).Quantile(1)}
	want := []time.Duration{10 * ms, 20 * ms, 100 * ms, 75 * ms, 5 * ms}
	if !reflect.DeepEqual(got, want) || trace.Failures() != 1 {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (Trace{}).Quantile(0.5); got != 0 {
		t.Errorf("half of nothing took %v", got)
	}
}
