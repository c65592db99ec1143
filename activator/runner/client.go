package runner

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// Client is a run as people steer it: what [systemd.Manager] is of systemd.
type Client struct{ At control.Address }

// ErrEnded tells that the run ended before it answered.
var ErrEnded = errors.New("the gopm run has ended")

// ask asks the run for something, and waits until it is done.
func (c Client) ask(ctx context.Context, hello control.Hello) error {
	return ended(control.Ask(ctx, c.At, hello, func(string) {}))
}

func ended(err error) error {
	if errors.Is(err, control.ErrGone) {
		return ErrEnded
	}
	return err
}

// Do makes a job, and waits for its end.
func (c Client) Do(ctx context.Context, verb rollout.Verb, unit string) error {
	return c.ask(ctx, control.Hello{Verb: control.Verb(verb), Unit: unit})
}

// Kill sends a signal to a unit's main process.
func (c Client) Kill(ctx context.Context, unit string, signal unix.Signal) error {
	return c.ask(ctx, control.Hello{Verb: control.Kill, Unit: unit, Signal: int(signal)})
}

// Forgive has the run forget that a unit failed, and how often it was started.
func (c Client) Forgive(ctx context.Context, unit string) {
	// One that is not there has nothing to forget.
	_ = c.ask(ctx, control.Hello{Verb: control.Forgive, Unit: unit})
}

// Scale sets what GOPM_INSTANCES of an activator is from its next start on; empty:
// what the file says.
func (c Client) Scale(ctx context.Context, unit, count string) error {
	return c.ask(ctx, control.Hello{Verb: control.Scale, Unit: unit, Count: count})
}

// units are those that any of the patterns fits.
func (c Client) units(ctx context.Context, patterns ...string) ([]control.Unit, error) {
	all, err := control.AskUnits(ctx, c.At)
	if err != nil {
		return nil, fmt.Errorf("list units: %w", ended(err))
	}
	return slices.DeleteFunc(all, func(u control.Unit) bool {
		return !slices.ContainsFunc(patterns, func(pattern string) bool {
			fits, _ := path.Match(pattern, u.Name) // a pattern that is none fits nothing
			return fits
		})
	}), nil
}

// Units lists the units that any of the patterns fits.
func (c Client) Units(ctx context.Context, patterns ...string) ([]systemd.Unit, error) {
	all, err := c.units(ctx, patterns...)
	var out []systemd.Unit
	for _, u := range all {
		out = append(out, systemd.Unit{Name: u.Name, Description: u.Description, Active: u.Active, Sub: u.Sub, Job: u.Job})
	}
	return out, err
}

// Numbers are the main process of each of some services, 0 where there is none, and
// how often its Restart= has started it again since somebody last started it.
func (c Client) Numbers(ctx context.Context, names []string) (pids, restarts map[string]int, err error) {
	all, err := c.units(ctx, names...)
	pids, restarts = make(map[string]int), make(map[string]int)
	for _, u := range all {
		pids[u.Name], restarts[u.Name] = u.PID, u.Restarts
	}
	return pids, restarts, err
}

// Services are what services run.
func (c Client) Services(ctx context.Context, names []string) (map[string]systemd.Service, error) {
	all, err := c.units(ctx, names...)
	out := make(map[string]systemd.Service)
	for _, u := range all {
		out[u.Name] = systemd.Service{Dir: u.Dir, User: u.User, Restart: u.Restart, Exec: u.Exec}
	}
	return out, err
}

// Environment is what Environment= of an activator sets.
func (c Client) Environment(ctx context.Context, name string) (map[string]string, error) {
	all, err := c.units(ctx, name)
	env := make(map[string]string)
	for _, u := range all {
		for _, entry := range u.Environment {
			key, value, _ := strings.Cut(entry, "=")
			env[key] = value
		}
	}
	return env, err
}
