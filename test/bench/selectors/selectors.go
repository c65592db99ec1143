// Package selectors measures how long callers wait whose connections are spread
// over workers in four ways: by the selector that knows their queues, in turn, by
// the kernel's hash, and from one queue that all workers share. It needs root.
package selectors

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/steer"
	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/nodes"
)

//go:embed server.cjs
var server []byte

const workers = 4

// One handler in ten takes longer.
const (
	short, long = 1 * time.Millisecond, 20 * time.Millisecond
	one         = 10
)

// busy is the part of the time that the workers compute.
const busy = 0.6

// Name and About are the measure's in the table.
const (
	Name  = "selectors"
	About = "Callers who come at random times, a connection each; the handlers block their event loops for 1 ms, or one time in ten for 20 ms, and 4 workers are 60 % busy"
)

// Measure measures each of them for a time, several rounds, and adds how long the
// callers waited.
func Measure(ctx context.Context, duration time.Duration, rounds int, r *results.Results) error {
	mean := (short*(one-1) + long) / one
	rate := busy * workers / mean.Seconds()
	for n := range rounds {
		for _, p := range peers {
			result, err := p.measure(ctx, duration, rate)
			if err != nil {
				return fmt.Errorf("measure %s: %w", p.name, err)
			}
			s := results.Sample{Measure: Name, Peer: p.name, Round: n + 1}
			s.Metric, s.Value, s.Of = results.Failed, float64(result.Failures()), float64(len(result.Trace))
			r.Add(s)
			for _, q := range []struct {
				name string
				part float64
			}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}} {
				took := result.Trace.Quantile(q.part)
				r.Add(results.Sample{Measure: Name, Peer: p.name, Round: n + 1, Metric: q.name, Unit: "ms", Value: float64(took) / float64(time.Millisecond)})
			}
		}
	}
	return nil
}

// peer is a way to spread connections.
type peer struct {
	name string
	// listeners are one for each worker; see keeps at it until ctx ends.
	listen func() (g *steer.Group, listeners []int, err error)
	see    func(ctx context.Context, g *steer.Group)
}

var peers = []peer{
	{"the selector that knows the queues", inTurn, count},
	{"in turn", inTurn, func(context.Context, *steer.Group) {}}, // without counts, it knows of none
	{"the kernel's hash", hashed, func(context.Context, *steer.Group) {}},
	{"one shared queue", shared, func(context.Context, *steer.Group) {}},
}

// tick is how often the queues are counted, as the activator does.
const tick = 5 * time.Millisecond

func count(ctx context.Context, g *steer.Group) {
	for ctx.Err() == nil {
		if _, err := g.Count(); err != nil {
			fmt.Fprintln(os.Stderr, "selectors:", err)
		}
		time.Sleep(tick)
	}
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func open(siblings int) (*steer.Group, error) {
	g, err := steer.Open(loopback, false, func(int) error { return nil })
	if err != nil {
		return nil, err
	}
	return g, g.Extend(siblings, func(int, int) error { return nil })
}

func inTurn() (*steer.Group, []int, error) {
	g, err := open(workers)
	if err != nil {
		return nil, nil, err
	}
	k, err := steer.NewKernel(-1)
	if err != nil {
		return nil, nil, err
	}
	var slots, listeners []int
	for i := range workers {
		slots = append(slots, i+1)
		listeners = append(listeners, g.Listener(i+1))
	}
	return g, listeners, g.UseKernel(k, slots)
}

func hashed() (*steer.Group, []int, error) {
	g, err := open(workers - 1)
	if err != nil {
		return nil, nil, err
	}
	var listeners []int
	for i := range workers {
		listeners = append(listeners, g.Listener(i))
	}
	return g, listeners, nil
}

func shared() (*steer.Group, []int, error) {
	g, err := open(0)
	if err != nil {
		return nil, nil, err
	}
	return g, slices.Repeat([]int{g.Listener(0)}, workers), nil
}

func (p peer) measure(ctx context.Context, duration time.Duration, rate float64) (result load.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, listeners, err := p.listen()
	if err != nil {
		return result, err
	}
	defer g.Close()
	folder, err := os.MkdirTemp("", "selectors-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "server.cjs")
	if err := os.WriteFile(script, server, 0o644); err != nil {
		return result, err
	}
	node, err := nodes.Path(24)
	if err != nil {
		return result, err
	}
	for _, fd := range listeners {
		worker := exec.CommandContext(ctx, node, script)
		file, err := duplicate(fd)
		if err != nil {
			return result, err
		}
		worker.ExtraFiles = []*os.File{file}
		worker.Stderr = os.Stderr
		if err := worker.Start(); err != nil {
			return result, err
		}
		file.Close()
		defer worker.Wait()
		defer cancel()
	}
	var seeing sync.WaitGroup
	seeing.Go(func() { p.see(ctx, g) })
	defer seeing.Wait()
	defer cancel()
	callers := load.Callers{
		Dial: new(net.Dialer).DialContext, Address: g.Addr().String(), Rate: rate, Timeout: 10 * time.Second,
		Random: rand.New(rand.NewPCG(1, 1)),
		Path: func(random *rand.Rand) string {
			if random.IntN(one) == 0 {
				return fmt.Sprintf("/%d", long.Milliseconds())
			}
			return fmt.Sprintf("/%d", short.Milliseconds())
		},
	}
	gentle := callers
	gentle.Rate = rate / 10
	if _, err := call(ctx, gentle, time.Second); err != nil { // they have started
		return result, err
	}
	return call(ctx, callers, duration)
}

// call has callers come for a time.
func call(ctx context.Context, c load.Callers, duration time.Duration) (load.Result, error) {
	running := c.Start(ctx)
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
	return running.Stop()
}

// duplicate is a file of a descriptor that stays the group's.
func duplicate(fd int) (*os.File, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), "listener"), nil
}
