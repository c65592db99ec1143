package measures

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gopm/gopm/test/bench/peers"
	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/load"
)

// reload is what 16 callers who always have a request under way meet while all
// workers are replaced, again and again. A reload is complete when the command
// has returned, N new workers are ready, and the old have ended.
func reload(ctx context.Context, r *Round) error {
	var plain []load.Profile
	secure := false
	for _, p := range r.Loads {
		if p == load.Secure {
			secure = true
		} else {
			plain = append(plain, p)
		}
	}
	err := r.with(ctx, r.usual(), func() error {
		for _, p := range plain {
			if err := r.reloadUnder(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || !secure {
		return err
	}
	return r.with(ctx, peers.Setup{Workers: r.Workers, TLS: true}, func() error { return r.reloadUnder(ctx, load.Secure) })
}

// hangTime is when a request has failed that nobody answers: some peers leave
// connections hanging for ever.
const hangTime = 5 * time.Second

func (r *Round) reloadUnder(ctx context.Context, p load.Profile) error {
	client := r.Client(p)
	client.Traced, client.Timeout = true, hangTime
	running := client.Start(ctx)
	if err := pause(ctx, before); err != nil {
		return err
	}
	type stretch struct{ from, to time.Time }
	var stretches []stretch
	times := r.Others
	if r.main() {
		times = r.Reloads
	}
	for range times {
		begun := time.Now()
		if err := r.replace(ctx); err != nil {
			return err
		}
		stretches = append(stretches, stretch{begun, time.Now()})
		r.add(p.String(), "time to complete", "ms", ms(time.Since(begun)))
	}
	result, err := running.Stop()
	if err != nil {
		return err
	}
	var during load.Trace
	var nobody time.Duration
	for _, s := range stretches {
		calls := result.Trace.Between(s.from, s.to)
		during = slices.Concat(during, calls)
		nobody = max(nobody, result.Trace.Pause(s.from, s.to))
	}
	r.addFailed(p.String(), result.Failures(), result.Answered+result.Failures())
	r.add(p.String(), "p99", "ms", ms(during.Quantile(0.99)))
	r.add(p.String(), "longest wait", "ms", ms(during.Longest()))
	r.add(p.String(), "nobody answered for", "ms", ms(nobody))
	return nil
}

// replace reloads once and waits until that is complete.
func (r *Round) replace(ctx context.Context) error {
	old := r.Watch.Living()
	if err := r.Peer.Reload(ctx); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	if _, err := r.Watch.Replaced(ctx, r.Workers, old); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	return nil
}

// around is how long callers come before and after the reload of the timeline,
// and step is the resolution.
const (
	around = 2 * time.Second
	step   = 50 * time.Millisecond
)

// timeline is what callers who come at random times meet while all workers are
// replaced once, moment by moment.
func timeline(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		callers := r.callers()
		callers.Path = func(*rand.Rand) string { return "/api/v1/hello" }
		around := min(around, r.After)
		first := time.Now()
		running := callers.Start(ctx)
		if err := pause(ctx, around); err != nil {
			return err
		}
		begun := time.Now()
		if err := r.replace(ctx); err != nil {
			return err
		}
		ended := time.Now()
		if err := pause(ctx, around); err != nil {
			return err
		}
		result, err := running.Stop()
		if err != nil {
			return err
		}
		r.add("", "time to complete", "ms", ms(ended.Sub(begun)))
		r.met("", result.Trace.Between(begun, ended), begun, ended)
		line := results.Timeline{Peer: r.Peer.Name(), Begun: begun.Sub(first), Ended: ended.Sub(first)}
		for at := first; at.Before(ended.Add(around)); at = at.Add(step) {
			calls := result.Trace.Between(at, at.Add(step))
			line.Points = append(line.Points, results.Point{At: at.Sub(first), Calls: len(calls), Worst: calls.Longest(), Failed: calls.Failures()})
		}
		r.Results.Timelines = append(r.Results.Timelines, line)
		return nil
	})
}
