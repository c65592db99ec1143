// Package test runs gopm under a booted systemd, each line of what it promises
// as a scenario. It needs root and what test/prepare installs; `make test`
// sees to both.
package test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// stage is made once; scenarios only read it.
var stage *site.Stage

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	var err error
	if stage, err = site.NewStage(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stage.Close()
	return m.Run()
}

// workers is how many a scenario has: more than this machine may have CPUs.
const workers = 4

// four has the activator start so many, and replace one at a time: what happens is
// easier to follow.
var four = site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_PARALLEL=1"}}

// twoAtATime leaves its pace to it: of four workers it replaces two at a time.
var twoAtATime = site.Options{Activator: []string{"GOPM_INSTANCES=4"}}

// A scenario is a site under test. What can't be done fails the test.
type scenario struct {
	*site.Site
	t *testing.T
}

// boot boots a site, not yet started.
func boot(t *testing.T, o site.Options) scenario {
	t.Helper()
	booted, err := stage.Boot(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{booted, t}
	t.Cleanup(func() {
		if t.Failed() {
			s.dump()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dump logs what the machine knows about a failure.
func (s scenario) dump() {
	// The test's own context has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, command := range [][]string{
		{"journalctl", "--boot", "--no-pager", "--output=short-monotonic", "--unit=*my-api*"},
		{"systemctl", "--no-pager", "--full", "--all", "list-units", "*my-api*"},
		{"sh", "-c", "tail --lines=30 " + site.Root + "/logs/*.log"},
	} {
		out, err := s.Run(ctx, command[0], command[1:]...)
		s.t.Logf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

func (s scenario) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s scenario) systemctl(args ...string) string {
	s.t.Helper()
	out, err := s.Systemctl(s.t.Context(), args...)
	s.must(err)
	return out
}

// pids returns the workers' processes by unit.
func (s scenario) pids() map[string]int {
	s.t.Helper()
	pids, err := s.PIDs()
	s.must(err)
	return pids
}

// under runs do while requests are sent, by a client that counts exactly and
// by wrk, and returns what happened to the client's and wrk's together.
func (s scenario) under(p load.Profile, do func()) load.Result {
	s.t.Helper()
	client := s.Client(p)
	client.Connections = 8
	exact := client.Start(s.t.Context())
	wrk := s.Wrk(p)
	wrk.Connections = 8
	rough, err := wrk.Start(s.t.Context())
	s.must(err)
	do()
	sum := load.Result{}
	for _, running := range []*load.Running{rough, exact} {
		r, err := running.Stop()
		s.must(err)
		sum = sum.Add(r)
	}
	s.t.Logf("%s: %s; the longest took %s", p, sum, sum.Longest.Round(time.Millisecond))
	return sum
}

// lossless checks that requests were answered and none failed.
func (s scenario) lossless(r load.Result) {
	s.t.Helper()
	if r.Answered == 0 || r.Failures() != 0 {
		s.t.Errorf("%s, want none failed\n%s", r, strings.Join(r.Examples, "\n"))
	}
}

// replaced checks that there are exactly the workers there should be, and that
// none of them is one of old.
func (s scenario) replaced(old map[string]int) {
	s.t.Helper()
	now := s.exactly(workers)
	for unit, pid := range now {
		for was, gone := range old {
			if pid == gone {
				s.t.Errorf("%s has process %d, which was %s before the reload", unit, pid, was)
			}
		}
	}
}

// exactly checks that instances 0 to n-1 run and no other, and returns their
// processes.
func (s scenario) exactly(n int) map[string]int {
	s.t.Helper()
	pids := s.pids()
	if got, want := sorted(pids), site.Instances(n); !slices.Equal(got, want) {
		s.t.Fatalf("workers are %v, want %v", got, want)
	}
	for unit := range pids {
		if state := s.state(unit); state != "active" {
			s.t.Errorf("%s is %s, want active", unit, state)
		}
	}
	return pids
}

// state returns a unit's ActiveState.
func (s scenario) state(unit string) string {
	s.t.Helper()
	state, err := s.Property(s.t.Context(), unit, "ActiveState")
	s.must(err)
	return state
}

// eventually waits until a condition holds. It says what it waited for where
// that takes too long.
func (s scenario) eventually(what string, holds func() bool) {
	s.t.Helper()
	s.within(time.Minute, what, holds)
}

// within is eventually for what may take longer.
func (s scenario) within(limit time.Duration, what string, holds func() bool) {
	s.t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(limit); !holds(); <-ticks.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s until %s", limit, what)
		}
	}
}

func sorted(pids map[string]int) []string {
	var units []string
	for unit := range pids {
		units = append(units, unit)
	}
	slices.Sort(units)
	return units
}
