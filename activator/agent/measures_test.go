package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// measures asks the worker what it measures of itself.
func (w *worker) measures() control.Measures {
	w.t.Helper()
	w.send(message{Cmd: "NODE_GOPM", Act: "measure"})
	for {
		text, ok := strings.CutPrefix(string(w.next()), "measured ")
		if !ok {
			continue
		}
		var got control.Measures
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			w.t.Fatalf("measured %s: %v", text, err)
		}
		if got.HeapUsed <= 0 || got.HeapTotal < got.HeapUsed || got.External <= 0 {
			w.t.Errorf("the heap has %d of %d bytes, and %d outside", got.HeapUsed, got.HeapTotal, got.External)
		}
		return got
	}
}

// counts is what of the measures a test can foretell. -1: not known.
type counts struct{ requests, connections, active int }

func countsOf(m control.Measures) counts {
	known := func(n *int) int {
		if n == nil {
			return -1
		}
		return *n
	}
	return counts{int(m.Requests), known(m.Connections), known(m.ActiveRequests)}
}

func (w *worker) wantsCounts(want counts) control.Measures {
	w.t.Helper()
	got := w.measures()
	if countsOf(got) != want {
		w.t.Errorf("measured %+v, want %+v", countsOf(got), want)
	}
	return got
}

// soon is less than for how long latencies and delays count.
const soon = 4 * time.Second

func TestMeasures(t *testing.T) {
	onEach(t, testMeasures)
}

func TestMeasuresOnNode16(t *testing.T) {
	t.Parallel()
	testMeasures(t, 16)
}

func testMeasures(t *testing.T, major int) {
	w := startApp(t, major)
	first := w.wantsCounts(counts{})
	if first.Latency != nil || first.EventLoopDelay != nil || first.EventLoopUtilization != nil || first.RequestsPerSecond != 0 {
		t.Errorf("measured before the first question: %+v", first)
	}
	kept, held := dial(t, w.address()), dial(t, w.address())
	for range 40 {
		kept.ask("/")
		kept.wants(hello)
	}
	held.ask("/held")
	w.await(`"held"`)
	busy := w.wantsCounts(counts{requests: 41, connections: 2, active: 1})
	if busy.RequestsPerSecond <= 0 || busy.Latency == nil || busy.Latency.Mean <= 0 || busy.Latency.P95 <= 0 {
		t.Errorf("measured %v requests a second, and latencies %+v", busy.RequestsPerSecond, busy.Latency)
	}
	w.send("let go")
	held.wants(hello)
	for busy.EventLoopDelay == nil { // until it has ticked
		busy = w.wantsCounts(counts{requests: 41, connections: 2})
	}
	if d, u := busy.EventLoopDelay, busy.EventLoopUtilization; d.Max < d.Mean || d.Mean < 0 || u == nil || *u < 0 || *u > 1 {
		t.Errorf("measured %+v of the event loop, and utilization %v", d, u)
	}
	kept.ask("/block?ms=400")
	kept.wants(hello)
	// The loop is measured when it ticks again.
	late := func() bool {
		got := w.measures()
		return got.EventLoopDelay != nil && got.EventLoopDelay.Max >= 300 && got.Latency != nil && got.Latency.Mean >= 400.0/42
	}
	for end := time.Now().Add(soon); !late(); {
		if time.Now().After(end) {
			t.Fatalf("one answer of 42 took 400 ms, and measured were %+v", w.measures())
		}
	}
}

// What is spoken over TLS is one connection, and a stream is a request.
func TestMeasuresOfTLS(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, certificate(t)...)
		c := dialTLS(t, w.address())
		c.ask("/")
		c.wants(hello)
		w.wantsCounts(counts{requests: 1, connections: 1})
	})
}

func TestMeasuresOfHTTP2(t *testing.T) {
	onEachHTTP2(t, func(t *testing.T, w *worker) {
		c := dialHTTP2(t, w)
		w.measures()
		c.start(http.MethodGet, "/", nil).wants("hello")
		held := c.start(http.MethodGet, "/held", nil)
		w.await(`"held"`)
		got := w.wantsCounts(counts{requests: 2, connections: 1, active: 1})
		if got.Latency == nil || got.Latency.Mean <= 0 {
			t.Errorf("measured latencies %+v", got.Latency)
		}
		w.send("let go")
		held.wants("hello")
	})
}

// In fork mode, those of the socket unit's listeners are counted.
func TestMeasuresInForkMode(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		l := declared(t, "tcp", "127.0.0.1:0")
		w := startFork(t, major, l)
		w.wantsCounts(counts{connections: -1, active: -1})
		w.says("globalThis.server = await listen(hello(), PORT); return server.listening;", "true")
		c := dial(t, l.Name())
		c.ask("/")
		c.wants(hello)
		w.wantsCounts(counts{requests: 1, connections: 1})
	})
}

// Who is not asked has no timer, and whose last question is long ago has none
// either.
func TestNobodyMeasuresUnasked(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		folder, err := filepath.Abs("testdata")
		if err != nil {
			t.Fatal(err)
		}
		w := startApp(t, major, fmt.Sprintf("NODE_OPTIONS=--require=%s/timers.cjs --require=%s", folder, agentFile(t)))
		timers := func(want int) {
			t.Helper()
			w.send("timers")
			w.await(event(fmt.Sprintf(`"%d timers"`, want)))
		}
		c := dial(t, w.address())
		ask := func() {
			c.ask("/")
			c.wants(hello)
		}
		ask()
		timers(0)
		w.measures()
		w.measures()
		timers(2) // the event loop's, and the end of the watch
		ask()
		if w.measures().Latency == nil {
			t.Error("no latency is measured while somebody asks")
		}
		w.send("time passes")
		timers(0)
		ask()
		if got := w.wantsCounts(counts{requests: 3, connections: 1}); got.Latency != nil || got.EventLoopDelay != nil {
			t.Errorf("measured after the watch: %+v", got)
		}
	})
}
