package measures

import (
	"context"
	"fmt"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// apart is the time between two connections that are opened slowly: the workers
// are idle when the next one comes.
const apart = 5 * time.Millisecond

// fairness is how many connections, opened slowly and kept, the worker with most
// of them has beside the one with fewest.
func fairness(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		for i, n := range append(r.Connections, r.Connections[0]) {
			webSocket := i == len(r.Connections)
			kind := "connections"
			if webSocket {
				kind = "WebSockets"
			}
			if err := r.hold(ctx, fmt.Sprintf("%d %s", n, kind), n, webSocket); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Round) hold(ctx context.Context, where string, n int, webSocket bool) error {
	held, err := load.Holder{Dial: r.Dial, Address: site.Address, WebSocket: webSocket, Timeout: callTime}.Open(ctx, n, apart)
	if err != nil {
		return err
	}
	defer held.Close()
	most, fewest := 0, n
	for _, w := range r.Watch.Living() {
		most, fewest = max(most, held.PIDs[w.PID]), min(fewest, held.PIDs[w.PID])
	}
	r.add(where, "most of a worker", "", float64(most))
	r.add(where, "fewest of a worker", "", float64(fewest))
	// One that has none is counted as having one.
	r.add(where, "max/min", "", float64(most)/float64(max(fewest, 1)))
	return nil
}
