// Package measures has what the benchmark measures of each peer, one file each.
package measures

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gopm/gopm/test/bench/life"
	"github.com/gopm/gopm/test/bench/listing"
	"github.com/gopm/gopm/test/bench/peers"
	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// Settings say how much is measured.
type Settings struct {
	Workers     int            `json:"workers"`
	Rounds      int            `json:"rounds"`      // of what varies most
	For         time.Duration  `json:"for_ns"`      // each throughput
	After       time.Duration  `json:"after_ns"`    // how long callers go on after a fault
	Loads       []load.Profile `json:"loads"`       // that the app is reloaded under
	Reloads     int            `json:"reloads"`     // under each load, of gopm and PM2
	Others      int            `json:"others"`      // the same, of the other peers
	Crashes     int            `json:"crashes"`     // of workers, one after the other
	Rate        float64        `json:"rate"`        // callers a second, where they come at random times
	Connections []int          `json:"connections"` // whose spread is looked at
	Sizes       []int          `json:"sizes"`       // numbers of workers whose supervisor is measured
	Apps        int            `json:"apps"`        // of one worker each
	Runs        int            `json:"runs"`        // of each conversion, and of each list
	Listed      listing.Size   `json:"listed"`
}

// Full is what published figures come from: about 25 minutes on 2 CPUs.
func Full() Settings {
	return Settings{
		Workers: 4, Rounds: 5, For: 1500 * time.Millisecond, After: 4 * time.Second,
		Loads: []load.Profile{load.KeepAlive, load.PerRequest, load.Slow, load.Large, load.Secure}, Reloads: 10, Others: 2,
		Crashes: 5, Rate: 200, Connections: []int{64, 512}, Sizes: []int{2, 16, 64}, Apps: 20, Runs: 20, Listed: listing.Size{Apps: 50, Workers: 4},
	}
}

// Quick is enough to see that it works.
func Quick() Settings {
	return Settings{
		Workers: 2, Rounds: 1, For: 300 * time.Millisecond, After: 500 * time.Millisecond,
		Loads: []load.Profile{load.KeepAlive, load.Secure}, Reloads: 1, Others: 1,
		Crashes: 1, Rate: 50, Connections: []int{8}, Sizes: []int{2}, Apps: 2, Runs: 1, Listed: listing.Size{Apps: 2, Workers: 2},
	}
}

// A Measure is one thing that is measured of each peer in turn.
type Measure struct {
	Name string
	// About says what it is, in a sentence for the table.
	About string
	// Rounds is how often; nil means once.
	Rounds func(Settings) int
	// Run measures. The peer is not running before, nor afterwards.
	Run func(context.Context, *Round) error
}

// All are all measures, in the order of the table.
func All() []Measure {
	varies := func(s Settings) int { return s.Rounds }
	return []Measure{
		{"throughput", "16 connections of wrk, which waits for an answer before it asks again", varies, throughput},
		{"fairness", "Connections of each worker, opened 5 ms apart and kept; a worker that has none counts as having one", nil, fairness},
		{"reload", "16 callers who always have a request under way, while all workers are replaced again and again; complete is when N new ones are ready and no old one is left", nil, reload},
		{"timeline", "Callers who come at random times, while all workers are replaced once", nil, timeline},
		{"killed", "Such callers, when the supervisor gets SIGKILL", nil, killed},
		{"broken", "Such callers, when the app is reloaded to a release that throws at start", nil, broken},
		{"hung", "Such callers, when one worker's event loop stops for ever; they give up after 2 s", nil, hung},
		{"crashed", "Such callers, when one worker after the other gets SIGKILL", nil, crashed},
		{"blocked", "Such callers, while one worker's event loop stops for 500 ms of every second", nil, blocked},
		{"size", "A start with few and with many workers, the memory after it, and what an app does that nobody asks anything", nil, size},
		{"apps", "The supervisors of many apps of one worker each", nil, apps},
		{"first start", "From an ecosystem file to workers that are ready: gopm-gen, its units in their place, and their start; or pm2 start", varies, firstStart},
	}
}

// A Round is one measure of one peer.
type Round struct {
	peers.Stage
	Settings
	Peer    peers.Peer
	Measure string
	Number  int
	Results *results.Results
	Say     func(string) // tells whoever waits
}

// main tells whether the peer is one of the two that the comparison is about.
func (r *Round) main() bool { return r.Peer.Name() == results.Ours || r.Peer.Name() == results.PM2 }

// add adds a figure. Where names what it is a figure of.
func (r *Round) add(where, metric, unit string, value float64) {
	r.Results.Add(results.Sample{Measure: r.Measure, Case: where, Metric: metric, Unit: unit, Peer: r.Peer.Name(), Round: r.Number, Value: value})
}

// addFailed adds how many requests failed.
func (r *Round) addFailed(where string, failed, of int) {
	r.Results.Add(results.Sample{Measure: r.Measure, Case: where, Metric: results.Failed, Peer: r.Peer.Name(), Round: r.Number,
		Value: float64(failed), Of: float64(of)})
}

// up starts the peer and waits until its workers are ready. It returns how long
// that took.
func (r *Round) up(ctx context.Context, s peers.Setup) (time.Duration, error) {
	if err := r.Peer.Prepare(ctx, s); err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	if _, err := r.Watch.Ready(ctx, 0); err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	begun := time.Now()
	if err := r.Peer.Start(ctx); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	took, err := r.allReady(ctx, s.Workers, begun)
	if err != nil {
		return 0, err
	}
	// That the workers listen doesn't mean that all of it does.
	return took, r.answers(ctx)
}

// allReady waits for workers, and returns how long after begun the last one was
// ready.
func (r *Round) allReady(ctx context.Context, n int, begun time.Time) (time.Duration, error) {
	workers, err := r.Watch.Ready(ctx, n)
	if err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	last := begun
	for _, w := range workers {
		if w.Ready.After(last) {
			last = w.Ready
		}
	}
	return last.Sub(begun), nil
}

// answers waits until somebody accepts on the port.
func (r *Round) answers(ctx context.Context) error {
	for {
		refuses, err := r.Refuses(ctx)
		if err != nil || !refuses {
			return err
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// down stops the peer and waits until no worker is left.
func (r *Round) down(ctx context.Context) error {
	if err := r.Peer.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	_, err := r.Watch.Ready(ctx, 0)
	return err
}

// with runs do while the peer runs.
func (r *Round) with(ctx context.Context, s peers.Setup, do func() error) error {
	if _, err := r.up(ctx, s); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return r.down(ctx)
}

// usual is the setup of most measures.
func (r *Round) usual() peers.Setup { return peers.Setup{Workers: r.Workers} }

// callTime is when a caller gives up.
const callTime = 2 * time.Second

// callers come at random times, the same for each peer. Every tenth asks for what
// takes the app 100 ms.
func (r *Round) callers() load.Callers {
	return load.Callers{Dial: r.Dial, Address: site.Address, Rate: r.Rate, Timeout: callTime, Random: random(),
		Path: func(random *rand.Rand) string {
			if random.IntN(10) == 0 {
				return "/api/v1/slow"
			}
			return "/api/v1/hello"
		}}
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 1)) }

// before is how long callers come before anything is done to the app.
const before = 500 * time.Millisecond

// fault has callers come while do does something to the app, and for a time after,
// and adds what they met.
func (r *Round) fault(ctx context.Context, where string, do func() error) error {
	running := r.callers().Start(ctx)
	if err := pause(ctx, before); err != nil {
		return err
	}
	begun := time.Now()
	if err := do(); err != nil {
		return err
	}
	if err := pause(ctx, r.After); err != nil {
		return err
	}
	ended := time.Now()
	result, err := running.Stop()
	if err != nil {
		return err
	}
	r.met(where, result.Trace.Between(begun, ended), begun, ended)
	return nil
}

// met adds what the callers between two moments met.
func (r *Round) met(where string, calls load.Trace, from, to time.Time) {
	r.addFailed(where, calls.Failures(), len(calls))
	r.add(where, "p99", "ms", ms(calls.Quantile(0.99)))
	r.add(where, "longest wait", "ms", ms(calls.Longest()))
	r.add(where, "nobody answered for", "ms", ms(calls.Pause(from, to)))
}

// call makes one request on a connection of its own, and returns the worker that
// answered.
func (r *Round) call(ctx context.Context, path string) (pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	pid, conn, err := r.Ask(ctx, path)
	if err != nil {
		return 0, err
	}
	return pid, conn.Close()
}

// machineIDs are the workers' process ids as the machine sees them.
func machineIDs(workers []life.Worker) []int {
	var pids []int
	for _, w := range workers {
		pids = append(pids, w.PID)
	}
	return pids
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
