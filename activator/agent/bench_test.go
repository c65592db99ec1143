package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
)

// BenchmarkAgent compares a worker with the agent to one without, before any
// drain: the CPU time of a request, and the requests of a second. Each
// iteration puts wrk on the one and on the other, in turn first, for as long.
// Reported are the medians of their ratios; 1 is: no cost.
//
//	go test ./activator/agent -run '^$' -bench Agent -benchtime 30x
func BenchmarkAgent(b *testing.B) {
	// With kept connections the agent does nothing per request; with a
	// connection for each it keeps account of them.
	for _, profile := range []load.Profile{load.KeepAlive, load.PerRequest} {
		b.Run(profile.String(), func(b *testing.B) {
			with := start(b, 24, "hello.cjs")
			without := start(b, 24, "hello.cjs", "NODE_OPTIONS=")
			for _, w := range []*worker{with, without} {
				w.await("listening")
				for warm := 0; warm < 20000; { // Node compiles
					warm += w.load(profile).requests
				}
			}
			var cpu, rate []float64
			for withFirst := true; b.Loop(); withFirst = !withFirst {
				var agent, none work
				if withFirst {
					agent, none = with.load(profile), without.load(profile)
				} else {
					none, agent = without.load(profile), with.load(profile)
				}
				cpu = append(cpu, agent.cpu()/none.cpu())
				rate = append(rate, float64(agent.requests)/float64(none.requests))
			}
			b.ReportMetric(median(cpu), "CPU-with/without")
			b.ReportMetric(median(rate), "requests-with/without")
		})
	}
}

// work is what a worker did under load.
type work struct {
	requests int
	ns       int64 // on a CPU
}

// cpu is the time of one request in nanoseconds.
func (w work) cpu() float64 { return float64(w.ns) / float64(w.requests) }

// load has wrk ask the worker for a second.
func (w *worker) load(profile load.Profile) work {
	w.t.Helper()
	before := w.onCPU()
	running, err := load.Wrk{
		Command: exec.CommandContext, Address: w.address(), Profile: profile, Connections: 8, Timeout: patience,
	}.Start(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Second)
	result, err := running.Stop()
	if err != nil {
		w.t.Fatal(err)
	}
	if result.Answered == 0 || result.Failures() > 0 {
		w.t.Fatal(result)
	}
	return work{requests: result.Answered, ns: w.onCPU() - before}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
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
