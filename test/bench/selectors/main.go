// Command selectors measures how long callers wait whose connections are spread
// over workers in four ways: by the selector that knows their queues, in turn, by
// the kernel's hash, and from one queue that all workers share.
//
// The handlers block their event loops, some of them for long, and the callers
// come at random times whether or not others were answered.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/steer"
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

func main() {
	duration := flag.Duration("for", 10*time.Second, "how long each is measured, a `time`")
	load := flag.Float64("load", 0.6, "how busy the workers are on average, a `share`")
	rounds := flag.Int("rounds", 3, "how often each is measured, in turn")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *duration, *load, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "selectors:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, duration time.Duration, load float64, rounds int) error {
	mean := (short*(one-1) + long) / one
	rate := load * workers / mean.Seconds()
	times := make([][]time.Duration, len(peers))
	for range rounds {
		for i, p := range peers {
			took, err := p.measure(ctx, duration, rate)
			if err != nil {
				return fmt.Errorf("measure %s: %w", p.name, err)
			}
			times[i] = append(times[i], took...)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "%.0f connections/s, %d workers, %v or one time in %d %v each\n", rate, workers, short, one, long)
	fmt.Fprintln(w, "| \t| mean, ms\t| p50\t| p90\t| p99\t| p99.9\t| of\t|\n|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for i, p := range peers {
		slices.Sort(times[i])
		fmt.Fprintf(w, "| %s\t| %.1f\t| %.1f\t| %.1f\t| %.1f\t| %.1f\t| %d\t|\n", p.name, average(times[i]),
			quantile(times[i], 0.5), quantile(times[i], 0.9), quantile(times[i], 0.99), quantile(times[i], 0.999), len(times[i]))
	}
	return w.Flush()
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

func (p peer) measure(ctx context.Context, duration time.Duration, rate float64) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, listeners, err := p.listen()
	if err != nil {
		return nil, err
	}
	defer g.Close()
	folder, err := os.MkdirTemp("", "selectors-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "server.cjs")
	if err := os.WriteFile(script, server, 0o644); err != nil {
		return nil, err
	}
	node, err := nodes.Path(24)
	if err != nil {
		return nil, err
	}
	for _, fd := range listeners {
		worker := exec.CommandContext(ctx, node, script)
		file, err := duplicate(fd)
		if err != nil {
			return nil, err
		}
		worker.ExtraFiles = []*os.File{file}
		worker.Stderr = os.Stderr
		if err := worker.Start(); err != nil {
			return nil, err
		}
		file.Close()
		defer worker.Wait()
		defer cancel()
	}
	go p.see(ctx, g)
	c := caller{address: g.Addr().String(), random: rand.New(rand.NewPCG(1, 1))}
	if _, err := c.callAll(ctx, time.Second, rate/10); err != nil { // they have started
		return nil, err
	}
	return c.callAll(ctx, duration, rate)
}

// caller makes one connection for each request.
type caller struct {
	address string
	random  *rand.Rand
}

// callAll has callers come at random times, rate a second on average (a Poisson
// process), and returns how long each of them took to be answered.
func (c caller) callAll(ctx context.Context, duration time.Duration, rate float64) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var calls sync.WaitGroup
	begun := time.Now()
	for at := time.Duration(0); at < duration && ctx.Err() == nil; at += time.Duration(c.random.ExpFloat64() / rate * float64(time.Second)) {
		time.Sleep(time.Until(begun.Add(at)))
		handler := short
		if c.random.IntN(one) == 0 {
			handler = long
		}
		calls.Go(func() {
			d, err := call(c.address, handler)
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, d), errors.Join(failed, err)
		})
	}
	calls.Wait()
	return took, errors.Join(failed, ctx.Err())
}

func call(address string, handler time.Duration) (time.Duration, error) {
	begun := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /%d HTTP/1.0\r\n\r\n", handler.Milliseconds()); err != nil {
		return 0, err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}

// duplicate is a file of a descriptor that stays the group's.
func duplicate(fd int) (*os.File, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), "listener"), nil
}

func average(times []time.Duration) float64 {
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return ms(sum) / float64(len(times))
}

// quantile is in milliseconds; times are sorted.
func quantile(times []time.Duration, q float64) float64 {
	return ms(times[int(q*float64(len(times)-1))])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
