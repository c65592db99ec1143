package measures

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/test/bench/life"
)

// killed is what callers meet when the supervisor is killed.
func killed(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		pids, err := r.Peer.Supervisors(ctx)
		if err != nil || len(pids) == 0 {
			return err // none to kill
		}
		err = r.fault(ctx, "", func() error {
			_, err := r.Run(ctx, "kill", "-KILL", strconv.Itoa(pids[0]))
			return err
		})
		if err != nil {
			return err
		}
		// It is back, and can be stopped.
		_, err = r.Watch.Ready(ctx, r.Workers)
		return err
	})
}

// broken is what they meet when the app is reloaded to a release that throws at
// start.
func broken(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		if err := r.Release(false); err != nil {
			return err
		}
		err := r.fault(ctx, "", func() error {
			if r.Peer.Reload(ctx) == nil {
				r.Say("the reload to a broken release did not fail")
			}
			return ctx.Err()
		})
		return errors.Join(err, r.Release(true))
	})
}

// hung is what they meet when one worker's event loop does nothing any more.
func hung(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		var pid int
		err := r.fault(ctx, "", func() (err error) {
			pid, err = r.call(ctx, "/api/v1/hang")
			return err
		})
		if err != nil {
			return err
		}
		// It would be waited for at the stop.
		for _, w := range r.Watch.Living() {
			if w.PID == pid {
				return r.kill(ctx, w)
			}
		}
		return nil
	})
}

// crashed is what they meet when workers are killed, one after the other, and how
// long it takes until there is a new process (Node has begun, but read no code
// yet) and until it is ready.
func crashed(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		running := r.callers().Start(ctx)
		if err := pause(ctx, before); err != nil {
			return err
		}
		begun := time.Now()
		for range r.Crashes {
			if err := r.crash(ctx); err != nil {
				return err
			}
		}
		ended := time.Now()
		result, err := running.Stop()
		if err != nil {
			return err
		}
		r.met("", result.Trace.Between(begun, ended), begun, ended)
		return nil
	})
}

// crash kills the worker that is the longest alive and waits for its successor.
func (r *Round) crash(ctx context.Context) error {
	at := time.Now()
	if err := r.kill(ctx, r.Watch.Living()[0]); err != nil {
		return err
	}
	workers := r.Watch.Living()
	newest := workers[len(workers)-1]
	r.add("", "to a new process", "ms", ms(newest.Begun.Sub(at)))
	r.add("", "to a ready worker", "ms", ms(newest.Ready.Sub(at)))
	// Restarts that follow each other at once are what limits of starts are for.
	return pause(ctx, min(r.After, time.Second))
}

// kill kills a worker and waits for its successor.
func (r *Round) kill(ctx context.Context, w life.Worker) error {
	if err := unix.Kill(w.Host, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill a worker: %w", err)
	}
	_, err := r.Watch.Replaced(ctx, r.Workers, []life.Worker{w})
	return err
}

// blocked is how long callers wait while one worker's event loop does nothing for
// half of each second.
func blocked(ctx context.Context, r *Round) error {
	return r.with(ctx, r.usual(), func() error {
		callers := r.callers()
		callers.Path = func(*rand.Rand) string { return "/api/v1/hello" }
		if _, err := r.call(ctx, "/api/v1/block"); err != nil {
			return err
		}
		running := callers.Start(ctx)
		if err := pause(ctx, 2*r.After); err != nil {
			return err
		}
		result, err := running.Stop()
		if err != nil {
			return err
		}
		r.addFailed("", result.Failures(), len(result.Trace))
		r.add("", "p50", "ms", ms(result.Trace.Quantile(0.5)))
		r.add("", "p90", "ms", ms(result.Trace.Quantile(0.9)))
		r.add("", "p99", "ms", ms(result.Trace.Quantile(0.99)))
		return nil
	})
}
