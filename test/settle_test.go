package test

import (
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// reloadFails checks that a reload is aborted, and why.
func (s scenario) reloadFails(why string) {
	s.t.Helper()
	_, err := s.Run(s.t.Context(), "gopm-activator", "reload", "my-api")
	if err == nil || !strings.Contains(err.Error(), why) {
		s.t.Errorf("reload says %v, want %q", err, why)
	}
	status, err := s.Property(s.t.Context(), site.Activator, "StatusText")
	s.must(err)
	if !strings.Contains(status, "last reload aborted: ") {
		s.t.Errorf("the status is %q, want that the last reload was aborted", status)
	}
}

// reloadMends checks that the next reload, of what is good, replaces the workers
// in before and loses no request.
func (s scenario) reloadMends(p load.Profile, before map[string]int) {
	s.t.Helper()
	s.must(s.Deploy(site.Good))
	s.lossless(s.under(p, func() { s.must(s.Reload(s.t.Context())) }))
	s.replaced(before)
}

// A canary that listens and then dies has served nobody.
func TestCanaryDiesSoon(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.must(s.Deploy(site.Early))
	s.lossless(s.under(load.PerRequest, func() {
		s.reloadFails("canary 4 did not stay up: ended by itself soon after it was ready")
	}))
	if now := s.exactly(workers); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	if got := s.told("canary-failed"); len(got) != 1 || got[0].Instance != "4" {
		t.Errorf("the journal has %+v, want one canary", got)
	}
	s.reloadMends(load.PerRequest, old)
}

// The roll stops at the first worker that fails, what is good goes on serving,
// and the next reload mends it.
func TestThirdWorkerFails(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.must(s.Deploy(site.Third))
	failing, surge := site.Instance(2), site.Instance(workers)
	s.lossless(s.under(load.KeepAlive, func() {
		s.reloadFails("restart of instance 2: exited with status 1")
	}))
	if got := s.told("rollout-aborted"); len(got) != 1 {
		t.Errorf("the journal has %+v, want one roll that was aborted", got)
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	if line := "reload: aborted: restart of instance 2: exited with status 1 (job failed); see journalctl -u my-api@2.service; the roll stopped there"; !strings.Contains(journal, line) {
		t.Errorf("the journal lacks %q:\n%s", line, journal)
	}
	now := s.pids()
	for _, unit := range []string{site.Instance(0), site.Instance(1)} {
		if now[unit] == old[unit] || now[unit] == 0 {
			t.Errorf("%s is process %d, want a new one", unit, now[unit])
		}
	}
	if untouched := site.Instance(3); now[untouched] != old[untouched] {
		t.Errorf("%s is process %d, want the old one %d", untouched, now[untouched], old[untouched])
	}
	if state := s.state(surge); state != "active" {
		t.Errorf("%s, which stands in for %s, is %s", surge, failing, state)
	}
	s.reloadMends(load.KeepAlive, now)
}

// A worker that is ready and dies while the next is replaced stops the roll.
func TestReplacedWorkerDiesSoon(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.must(s.Deploy(site.Fickle))
	s.reloadFails("restart of instance 0: ended by itself soon after it was ready")
	if now := s.pids(); now[site.Instance(2)] != old[site.Instance(2)] || now[site.Instance(3)] != old[site.Instance(3)] {
		t.Errorf("workers are %v, want the old ones %v from instance 2 on", now, old)
	}
	s.must(s.Deploy(site.Good))
	s.must(s.Reload(t.Context()))
	s.exactly(workers)
}
