package measures

import (
	"context"
	"fmt"
	"time"

	"github.com/gopm/gopm/test/bench/peers"
	"github.com/gopm/gopm/test/load"
)

// warm is how long the workers' code is run before it is measured: V8 compiles it.
const warm = time.Second

// throughput is how many requests a second 16 connections of wrk get answered, and
// how long these wait.
func throughput(ctx context.Context, r *Round) error {
	plain := []load.Profile{load.KeepAlive, load.PerRequest, load.Slow, load.Large}
	if err := r.with(ctx, r.usual(), func() error { return r.wrkAll(ctx, plain) }); err != nil {
		return err
	}
	secure := peers.Setup{Workers: r.Workers, TLS: true}
	return r.with(ctx, secure, func() error { return r.wrkAll(ctx, []load.Profile{load.Secure}) })
}

func (r *Round) wrkAll(ctx context.Context, profiles []load.Profile) error {
	for i, p := range profiles {
		if i == 0 {
			if _, err := r.wrk(ctx, p, min(warm, r.For)); err != nil {
				return err
			}
		}
		result, err := r.wrk(ctx, p, r.For)
		if err != nil {
			return err
		}
		if n := result.Failures(); n > 0 {
			r.Say(fmt.Sprintf("%s: %s", p, result))
		}
		r.add(p.String(), "requests", "1/s", float64(result.Answered)/result.Took.Seconds())
		r.add(p.String(), "p50", "ms", ms(result.P50))
		r.add(p.String(), "p99", "ms", ms(result.P99))
	}
	return nil
}

func (r *Round) wrk(ctx context.Context, p load.Profile, d time.Duration) (load.Result, error) {
	running, err := r.Wrk(p).Start(ctx)
	if err != nil {
		return load.Result{}, err
	}
	if err := pause(ctx, d); err != nil {
		return load.Result{}, err
	}
	return running.Stop()
}
