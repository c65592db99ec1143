package test

import (
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// checked has the activator ask each worker often.
var checked = site.Options{Activator: []string{
	"GOPM_INSTANCES=4", "GOPM_HEALTH_CHECK=/health", "GOPM_HEALTH_CHECK_INTERVAL=200",
	"GOPM_HEALTH_CHECK_TIMEOUT=1000", "GOPM_HEALTH_CHECK_THRESHOLD=2",
}}

// ask sends a request on a connection of its own and returns the unit whose
// worker answered it.
func (s scenario) ask(path string, pids map[string]int) string {
	s.t.Helper()
	answered, conn, err := s.Ask(s.t.Context(), path)
	s.must(err)
	s.must(conn.Close())
	for unit, pid := range pids {
		if pid == answered {
			return unit
		}
	}
	s.t.Fatalf("%s was answered by process %d, which is none of %v", path, answered, pids)
	return ""
}

// mended waits until a unit has another worker, and checks that the others are
// those of old.
func (s scenario) mended(unit string, old map[string]int) {
	s.t.Helper()
	s.eventually(unit+" was replaced", func() bool {
		pids, err := s.PIDs()
		return err == nil && pids[unit] != 0 && pids[unit] != old[unit]
	})
	for name, pid := range s.settled() {
		if (old[name] != pid) != (name == unit) {
			s.t.Errorf("%s was %d and is %d, but %s was the sick one", name, old[name], pid, unit)
		}
	}
}

func TestHealthCheck(t *testing.T) {
	s := boot(t, checked)
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/soon.conf", "[Service]\nTimeoutStartSec=4s\n"))
	s.must(s.Deploy(site.Ailing))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))

	// One that says it isn't well.
	old := s.exactly(workers)
	s.lossless(s.under(load.KeepAlive, func() {
		s.mended(s.ask("/api/v1/ail", old), old)
		// What a successor takes over it asks, too.
		s.killActivator()
		old = s.settled()
		s.mended(s.ask("/api/v1/ail", old), old)
	}))

	// One that says nothing; what is under way in it can't be saved.
	old = s.settled()
	s.mended(s.ask("/api/v1/hang", old), old)
	for _, e := range s.told("worker-hung") {
		if e.App != "my-api" || e.Instance == "" || e.Priority != "3" {
			t.Errorf("the journal has %+v", e)
		}
	}
	if n := len(s.told("worker-hung")); n != 3 {
		t.Errorf("the journal tells of %d sick workers, want 3", n)
	}

	// A release that listens and isn't well serves nobody.
	old = s.settled()
	s.must(s.Deploy(site.Sick))
	s.lossless(s.under(load.KeepAlive, func() {
		_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
		if err == nil || !strings.Contains(err.Error(), "canary 4 did not become ready") {
			t.Errorf("reload says %v, want that the canary did not become ready", err)
		}
	}))
	if now := s.settled(); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	for _, line := range []string{
		"my-api@4.service is not ready yet: GET /health: status 500",
		"fails its health check (1 of 2): GET /health: status 503",
		"fails its health check, 2 times in a row, and is to be replaced: GET /health: not accepted within 1s",
	} {
		if !strings.Contains(journal, line) {
			t.Errorf("the journal lacks %q:\n%s", line, journal)
		}
	}
}

// An app that speaks something else only has to accept.
func TestHealthCheckByConnecting(t *testing.T) {
	s := boot(t, site.Options{Activator: []string{
		"GOPM_INSTANCES=4", "GOPM_HEALTH_CHECK=connect", "GOPM_HEALTH_CHECK_INTERVAL=200",
		"GOPM_HEALTH_CHECK_TIMEOUT=1000", "GOPM_HEALTH_CHECK_THRESHOLD=2",
	}})
	s.must(s.Deploy(site.Ailing))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.mended(s.ask("/api/v1/hang", old), old)
}
