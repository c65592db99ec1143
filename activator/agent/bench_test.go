package agent_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
)

// BenchmarkAgent compares the CPU time of a worker with the agent to that of
// one without (1 is: no cost), before any drain. They take turns, so that both
// have the same share of what else the machine does.
func BenchmarkAgent(b *testing.B) {
	b.Run("keepalive", func(b *testing.B) { // here the agent does nothing per request
		compare(b, func(w *worker) []*client {
			connections := make([]*client, 8)
			for i := range connections {
				connections[i] = dial(b, w.address())
			}
			return connections
		}, func(_ *worker, c *client) {
			c.ask("/")
			if _, _, err := c.read(); err != nil {
				b.Error(err)
			}
		})
	})
	b.Run("connection", func(b *testing.B) { // here it keeps account of each
		compare(b, func(*worker) []*client {
			return make([]*client, 8)
		}, func(w *worker, _ *client) {
			c := dial(b, w.address())
			c.write("GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
			if text, err := io.ReadAll(c.in); err != nil || !strings.HasSuffix(string(text), "hello") {
				b.Errorf("got %q and error %v", text, err)
			}
			c.conn.Close()
		})
	})
}

func compare(b *testing.B, connect func(*worker) []*client, use func(*worker, *client)) {
	workers := []*worker{
		start(b, 24, "hello.cjs"),
		start(b, 24, "hello.cjs", "NODE_OPTIONS="),
	}
	clients := make([][]*client, len(workers))
	before := make([]int64, len(workers))
	for i, w := range workers {
		w.await("listening")
		clients[i] = connect(w)
		share(w, clients[i], 5000, use) // Node compiles
		before[i] = w.onCPU()
	}
	b.ResetTimer()
	const turn = 500
	for asked := 0; asked < b.N; asked += turn {
		for i, w := range workers {
			share(w, clients[i], min(turn, b.N-asked), use)
		}
	}
	with, without := workers[0].onCPU()-before[0], workers[1].onCPU()-before[1]
	b.ReportMetric(float64(with)/float64(b.N), "with-ns/op")
	b.ReportMetric(float64(without)/float64(b.N), "without-ns/op")
	b.ReportMetric(float64(with)/float64(without), "with/without")
}

// share divides a number of requests among connections used at the same time.
func share(w *worker, connections []*client, requests int, use func(*worker, *client)) {
	queue := make(chan struct{})
	var done sync.WaitGroup
	for _, c := range connections {
		done.Go(func() {
			for range queue {
				use(w, c)
			}
		})
	}
	for range requests {
		queue <- struct{}{}
	}
	close(queue)
	done.Wait()
}

// onCPU is the time of the worker's main thread in nanoseconds: the first field
// of /proc/PID/schedstat, proc(5).
func (w *worker) onCPU() (ns int64) {
	name := fmt.Sprintf("/proc/%d/schedstat", w.node.Process.Pid)
	text, err := os.ReadFile(name)
	if err == nil {
		_, err = fmt.Sscan(string(text), &ns)
	}
	if err != nil {
		w.t.Fatalf("read %s: %v", name, err)
	}
	return ns
}
