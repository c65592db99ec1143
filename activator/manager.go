package activator

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// Manager starts and stops the instances, each of which is a unit: systemd, or
// who stands in for it where systemd does not run.
type Manager interface {
	// Run does a job and waits for its end: for a start, until the instance is
	// ready. The error is [rollout.ErrCanceled] where a stop took its place.
	Run(ctx context.Context, verb rollout.Verb, unit string) error
	// Kill sends a signal to a unit's main process.
	Kill(ctx context.Context, unit string, signal unix.Signal) error
	// Forgive forgets that a unit failed, and how often it was started.
	Forgive(ctx context.Context, unit string)
	// State is a unit's, and States are those of all units that a pattern of
	// systemctl(1) fits, by name.
	State(ctx context.Context, unit string) (systemd.State, error)
	States(ctx context.Context, pattern string) (map[string]systemd.State, error)
	// Fate is what became of a unit that had ended.
	Fate(ctx context.Context, unit string) (systemd.Fate, error)
	// IsActive tells whether a unit is.
	IsActive(ctx context.Context, unit string) (bool, error)
	// UnitOf is the unit that a process belongs to.
	UnitOf(ctx context.Context, pid int) (string, error)
	// OwnJob is the job that waits to stop or restart the activator itself; empty
	// where there is none.
	OwnJob(ctx context.Context) (string, error)
}

// states are those of the app's instances.
func (a *Activator) states() (map[int]systemd.State, error) {
	units, err := a.manager.States(a.ctx, a.settings.App+"@*.service")
	if err != nil {
		return nil, err
	}
	states := make(map[int]systemd.State)
	for unit, state := range units {
		if instance, ok := a.settings.instance(unit); ok {
			states[instance] = state
		}
	}
	return states, nil
}
