package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

// What systemd, or a gopm run, does for people: start, stop, restart.

func startVerb() verb {
	return jobVerb(rollout.Start, "start", "start apps, and wait until their workers are ready",
		"  gopm start my-api       exits with 1 where a worker is not ready\n  gopm start my-api@2     one instance that was stopped or has failed\n")
}

func stopVerb() verb {
	return jobVerb(rollout.Stop, "stop", "drain and stop apps, and wait until that is done",
		"  gopm stop my-api        systemctl disable my-api.target keeps it from starting at boot\n  gopm stop my-api@2      one instance, until the next reload\n")
}

func restartVerb() verb {
	return jobVerb(rollout.Restart, "restart", "stop apps and start them again; gopm reload loses no request",
		"  gopm restart my-api     callers wait meanwhile where it has a socket unit\n  gopm restart my-api@2   one instance\n")
}

func jobVerb(job rollout.Verb, name, about, examples string) verb {
	return verb{
		names: []string{name}, args: "APP…", about: about, examples: examples,
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			return func(ctx context.Context, w world, args []string) error {
				s := newSite(ctx, w, *user)
				chosen, err := s.choose(ctx, args)
				if err != nil {
					return err
				}
				return each(chosen, func(c choice) error { return s.run(ctx, w, job, c) })
			}
		},
	}
}

// each does something to all that was chosen: one that fails keeps no other from
// it.
func each(chosen []choice, do func(choice) error) error {
	var failed []error
	for _, c := range chosen {
		if err := do(c); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return errors.Join(failed...)
}

// run has the app's service manager do a job, and looks at what became of it.
func (s site) run(ctx context.Context, w world, job rollout.Verb, c choice) error {
	of := s.of(c.app)
	if job != rollout.Stop {
		for _, worker := range c.workers() {
			// Whoever asks for a start is not held back by a limit of starts.
			of.Forgive(ctx, worker.Unit)
		}
	}
	if err := of.Do(ctx, job, c.unit()); err != nil {
		return err
	}
	after, err := s.settled(ctx, c)
	if err != nil {
		return err
	}
	if c.instance >= 0 {
		state := fleet.WorkerStopped // systemd has unloaded it
		if worker, ok := after.Worker(c.instance); ok {
			state = worker.State
		}
		fmt.Fprintf(w.stdout, "%s: %s\n", c.name(), state)
		return nil
	}
	fmt.Fprintln(w.stdout, sum(after))
	if job != rollout.Stop && after.State != fleet.Online {
		return fmt.Errorf("%s %s: %s; %s", job, c.name(), lacking(after), whoTells(after))
	}
	return nil
}

const (
	// lookPause is between two looks at what is about to change, and mostLooks is how
	// long that may take which no job waits for.
	lookPause = 50 * time.Millisecond
	mostLooks = 5 * time.Second
)

// settled is the app when it is neither starting nor stopping any more. A stop is
// bounded by systemd's own times.
func (s site) settled(ctx context.Context, c choice) (fleet.App, error) {
	for begun := time.Now(); ; {
		f, err := s.reader.Read(ctx)
		if err != nil {
			return fleet.App{}, err
		}
		app, ok := f.Again(c.app)
		switch {
		case !ok:
			return c.app, nil // systemd has unloaded it
		case app.State == fleet.Stopping:
		case starts(app) && time.Since(begun) < mostLooks:
		default:
			return app, nil
		}
		select {
		case <-ctx.Done():
			return app, ctx.Err()
		case <-time.After(lookPause):
		}
	}
}

// starts tells whether a worker is about to be ready: one of an app without an
// activator, or one that has yet to reach it.
func starts(a fleet.App) bool {
	return a.State == fleet.Starting && !a.Supervised ||
		slices.ContainsFunc(a.Workers, func(w fleet.Worker) bool { return w.State == control.Starting })
}

// sum is an app in one line.
func sum(a fleet.App) string {
	line := fmt.Sprintf("%s: %s", a.Name, a.State)
	if a.State != fleet.Stopped && a.Instances > 0 {
		line += fmt.Sprintf(", %d of %d ready", a.Ready, a.Instances)
	}
	return line
}

// lacking are the workers that should be ready and are not.
func lacking(a fleet.App) string {
	var lacks []string
	for _, w := range a.Workers {
		if w.State != control.Ready {
			lacks = append(lacks, fmt.Sprintf("%s is %s", w.Unit, w.State))
		}
	}
	if len(lacks) == 0 {
		return "it is " + string(a.State)
	}
	return strings.Join(lacks, ", ")
}
