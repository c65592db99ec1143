package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/nodes"
)

// starting is how this test binary is run again: as an activator that asks before it
// goes on, and as the commands of a worker's unit.
const (
	starting     = "GOPM_TEST_STARTING"
	startingArgs = "GOPM_TEST_ARGS"
	// startingActive is the file with the ActiveState of the worker's unit.
	startingActive = "GOPM_TEST_ACTIVE"
)

// Of the one run of the one worker.
const (
	startingUnit = "my-api@0.service"
	startingRun  = "0123456789abcdef0123456789abcdef"
)

// Wherever in a worker's start and stop the activator is killed: its successor finishes
// it. Between what an activator tells systemd, it may be killed before systemd has heard
// it and after.
func TestKilledWhileAWorkerStartsAndStops(t *testing.T) {
	switch os.Getenv(starting) {
	case "activator":
		serveAsked(t)
		return
	case "command":
		os.Args = strings.Split(os.Getenv(startingArgs), "\n")
		main()
		return
	}
	supported := nodes.Supported()
	oldest, newest := supported[0], supported[len(supported)-1]
	tests := map[string]struct {
		major int
		mode  string
	}{
		"the oldest Node": {oldest, "cluster"},
		"the newest Node": {newest, "cluster"},
		"fork mode":       {newest, "fork"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node, err := nodes.Path(test.major)
			if err != nil {
				t.Fatal(err)
			}
			points := func(killedAt func(m *standIn, point int) bool) (n int) {
				for killed := true; killed; n++ {
					m := newStandIn(t, node, test.mode)
					killed = killedAt(m, n)
					m.close()
				}
				return n - 1
			}
			starts, stops := points((*standIn).start), points((*standIn).stop)
			// What it stores at the least is a channel and that its worker is ready, and what
			// it forgets is that channel.
			if starts < 2*2 || stops < 2 {
				t.Errorf("there were %d points at which it could be killed in a start, and %d in a stop", starts, stops)
			}
			t.Logf("killed at %d points of a start and %d of a stop", starts, stops)
		})
	}
}

// never is no point.
const never = -1

// start starts a worker and kills its activator at a point; it returns false where it
// came to no such point. The even points are before systemd has heard what it is told,
// and the odd ones after.
func (m *standIn) start(point int) (killed bool) {
	m.t.Helper()
	m.is("activating")
	m.begin("exec")
	m.begin("wait")
	m.serve(point)
	killed = m.finish("wait")
	if err := m.answers(); err != nil {
		m.t.Errorf("killed after %s: %v", m.after(), err)
	}
	if m.commands["exec"].hasEnded() {
		m.t.Errorf("killed after %s: the worker has ended: %v", m.after(), m.commands["exec"].err())
	}
	m.check()
	return killed
}

// stop starts a worker, and kills the activator at a point of its stop.
func (m *standIn) stop(point int) (killed bool) {
	m.t.Helper()
	m.start(never)
	slow := m.ask("/slow")
	m.is("deactivating")
	m.killAt(point)
	m.begin("drain")
	killed = m.finish("drain")
	if err := <-slow; err != nil {
		m.t.Errorf("killed after %s: a request under way was cut: %v", m.after(), err)
	}
	select {
	case <-m.commands["exec"].ended:
	case <-time.After(20 * time.Second):
		m.t.Errorf("killed after %s: the worker goes on", m.after())
	}
	m.check()
	return killed
}

// check ends the test where it has failed.
func (m *standIn) check() {
	m.t.Helper()
	if m.t.Failed() {
		m.close()
		m.t.Fatalf("what they said:\n%s", m.said.String())
	}
}

// finish waits for a command of the unit to end well, with another activator where that
// is killed.
func (m *standIn) finish(verb string) (killed bool) {
	m.t.Helper()
	command := m.commands[verb]
	select {
	case <-m.activator.ended:
	case <-command.ended:
	}
	if killed = m.disarm(); killed {
		<-m.activator.ended
		m.serve(never)
	}
	select {
	case <-command.ended:
	case <-time.After(20 * time.Second):
		m.t.Errorf("killed after %s: %s has not ended 20 s later", m.after(), verb)
	}
	if err := command.err(); err != nil {
		m.t.Errorf("killed after %s: %s failed: %v", m.after(), verb, err)
	}
	return killed
}
