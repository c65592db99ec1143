package test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
	"github.com/gopm/gopm/test/site"
)

// threeByTwo replaces two of three workers at a time, and then the third.
var threeByTwo = site.Options{Activator: []string{"GOPM_INSTANCES=3", "GOPM_SETTLE_TIME=200", "GOPM_PARALLEL=2"}}

// Wherever in a reload the activator is killed: its successor finishes the
// reload, or nothing was touched. The steps of a reload are what systemd
// announces in it. Reload by reload the kill comes one step later, until a
// reload has no more of them.
func TestActivatorKilledAtEachStep(t *testing.T) {
	s := boot(t, threeByTwo)
	s.must(s.Deploy(site.Light))
	s.must(s.Start(t.Context()))
	n := len(s.pids())
	watch, err := s.Watch(t.Context())
	s.must(err)
	steps := 0
	// Each connection has a request under way at any time: none can be cut
	// without its being seen.
	s.lossless(s.under(load.Slow, func() {
		for s.killedAt(steps+1, n) {
			steps++
		}
	}))
	// Five workers start, and stop: their own states alone are so many.
	if fewest := 5 * 4; steps < fewest {
		t.Errorf("a reload had %d steps, want at least %d", steps, fewest)
	}
	seen, err := watch.Stop()
	s.must(err)
	if seen.FewestReady < n || seen.MostReady > n+2 || seen.MostOfFirst > 1 {
		t.Errorf("seen were %+v, want %d to %d workers ready and instance 0 once", seen, n, n+2)
	}
}

// killedAt reloads, kills the activator at the nth step and checks what its
// successor makes of it. It returns false where the reload has fewer steps.
func (s scenario) killedAt(nth, n int) bool {
	s.t.Helper()
	old := s.settledTo(n)
	activator := s.activator()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	changes, err := s.Changes(ctx, "SubState", "StatusText")
	s.must(err)
	ended := make(chan error, 1)
	go func() {
		_, err := s.Run(ctx, "gopm-activator", "reload", "my-api")
		ended <- err
	}()
	known := map[string]any{}
	var last machine.Change
	for step := 0; step < nth; {
		select {
		case <-time.After(time.Minute):
			s.t.Fatalf("waited a minute for step %d of a reload; the one before was %s", step+1, last)
		case change := <-changes:
			key := change.Unit + change.Property
			if isStep(change) && known[key] != change.Value {
				known[key], last = change.Value, change
				step++
			}
		case err := <-ended:
			s.must(err)
			s.t.Logf("a reload has %d steps", step)
			return false
		}
	}
	at := load.Now()
	s.must(activator.Kill())
	s.eventually("systemd has another activator", func() bool {
		pid, err := s.MainPID(s.t.Context(), site.Activator)
		s.must(err)
		return pid != 0 && pid != activator.PID
	})
	now := s.settledTo(n)
	var replaced []string
	for unit := range now {
		if now[unit] != old[unit] {
			replaced = append(replaced, unit)
		}
	}
	s.t.Logf("[%s] killed at step %d, %s: %d workers were replaced", at, nth, last, len(replaced))
	if len(replaced) != 0 && len(replaced) != n {
		s.t.Errorf("killed at step %d, of %v only %v were replaced", nth, sorted(now), replaced)
	}
	return true
}

// isStep tells what happens to a worker, and what the activator says of the roll.
func isStep(c machine.Change) bool {
	if c.Unit == site.Activator {
		return c.Property == "StatusText"
	}
	return c.Property == "SubState" && strings.HasPrefix(c.Unit, "my-api@")
}

// activator is the activator's process.
func (s scenario) activator() machine.Victim {
	s.t.Helper()
	pid, err := s.MainPID(s.t.Context(), site.Activator)
	s.must(err)
	victim, err := s.Victim(site.Activator, pid)
	s.must(err)
	return victim
}

// settledTo waits until the activator and n workers are as after a reload, and
// nothing else is left of one.
func (s scenario) settledTo(n int) map[string]int {
	s.t.Helper()
	want := fmt.Sprintf("%d of %d workers ready", n, n)
	s.eventually("the app is settled", func() bool {
		units := s.systemctl("list-units", "--all", "--plain", "--no-legend", "--state=active,activating,deactivating,failed,reloading", site.Workers)
		status, err := s.Property(s.t.Context(), site.Activator, "StatusText")
		s.must(err)
		return strings.Count(units, " active ") == n && len(strings.Split(units, "\n")) == n && status == want && s.state(site.Activator) == "active"
	})
	return s.exactly(n)
}
