package load

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Callers are a load whose requests come at random times, each on a connection
// of its own, whether or not others were answered: a Poisson process, which is
// what many strangers are. A load that waits for an answer before it asks again,
// as Client and wrk do, asks less while the app is slow, and so hides how many
// would have waited.
type Callers struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Address string
	Rate    float64                 // calls a second, on average
	Path    func(*rand.Rand) string // what a call asks for
	Random  *rand.Rand              // when they come and what they ask for
	Timeout time.Duration           // of one call; what takes longer has failed
}

// Start has the callers come. The result's trace has all of them.
func (c Callers) Start(ctx context.Context) *Running {
	stop := make(chan struct{})
	done := make(chan Result)
	go func() { done <- c.run(ctx, stop) }()
	return &Running{
		stop:   sync.OnceFunc(func() { close(stop) }),
		result: func() (Result, error) { return <-done, ctx.Err() },
	}
}

func (c Callers) run(ctx context.Context, stop <-chan struct{}) Result {
	sum := counter{Result{Failed: map[string]int{}, PIDs: map[int]int{}}}
	var mu sync.Mutex
	var calls sync.WaitGroup
	defer calls.Wait()
	next := time.Now()
	for {
		next = next.Add(time.Duration(c.Random.ExpFloat64() / c.Rate * float64(time.Second)))
		select {
		case <-time.After(time.Until(next)):
		case <-stop:
			calls.Wait()
			return sum.Result
		case <-ctx.Done():
			calls.Wait()
			return sum.Result
		}
		path := c.Path(c.Random)
		// From when the caller meant to call: where this process comes late,
		// because the app has the CPUs, the caller waited too.
		begun := next
		calls.Go(func() {
			var none *connection
			pid, err := Client{Dial: c.Dial, Address: c.Address, Profile: PerRequest, Timeout: c.Timeout}.request(ctx, &none, path)
			took := time.Since(begun)
			mu.Lock()
			defer mu.Unlock()
			sum.Trace = append(sum.Trace, Call{begun, took, err != nil})
			if err != nil {
				sum.failed(err)
			} else {
				sum.answered(pid, took)
			}
		})
	}
}
