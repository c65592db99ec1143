package test

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// The app is in somebody's home, which the activator may read only so.
func TestForkWatch(t *testing.T) {
	s := bootFork(t)
	s.must(s.WriteFile("/home/dev/app/src/index.js", "1"))
	s.must(s.WriteFile("/home/dev/app/node_modules/a.js", "1"))
	_, err := s.Run(t.Context(), "chown", "-R", "nobody", "/home/dev")
	s.must(err)
	_, err = s.Run(t.Context(), "chmod", "-R", "u=rwX,go=", "/home/dev")
	s.must(err)
	a := s.install(forkApp{
		name:    "dev",
		command: node + " " + forkCode + " ready",
		settings: []string{
			"Environment=GOPM_INSTANCES=2", "Environment=GOPM_WAIT_READY=yes",
			"Environment=GOPM_WATCH=/home/dev/app", "Environment=GOPM_WATCH_DELAY=150",
			"CapabilityBoundingSet=CAP_DAC_READ_SEARCH", "ProtectHome=read-only",
		},
	})
	a.logs(a.activator(), "watch: changes are seen from now on (folders: 2)")
	old := a.running(2)

	s.must(s.WriteFile("/home/dev/app/node_modules/a.js", "2"))
	s.must(s.WriteFile("/home/dev/app/src/index.js", "2"))
	a.logs(a.activator(), "watch: src/index.js changed: 2 of 2 instances to restart")
	// During the roll another file changes: that is the next one.
	s.must(s.WriteFile("/home/dev/app/src/other.js", "1"))
	a.logs(a.activator(), "watch: src/other.js changed: 2 of 2 instances to restart")
	a.logs(a.activator(), "watch: src/other.js changed: done")
	for unit, pid := range a.running(2) {
		if pid == old[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}
	journal, err := s.Journal(t.Context(), a.activator())
	s.must(err)
	if n := strings.Count(journal, "to restart"); n != 2 {
		t.Errorf("%d rolls, want 2:\n%s", n, journal)
	}
}

func TestForkWatchInClusterMode(t *testing.T) {
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=2", "GOPM_WATCH=" + site.Root + "/src"}})
	s.must(s.Start(t.Context()))
	old := s.exactly(2)
	a := forkApp{scenario: s, name: "my-api"}
	s.lossless(s.under(load.KeepAlive, func() {
		s.must(s.Deploy(site.Leaky))
		a.logs(site.Activator, "watch: index.js changed: done")
	}))
	for unit, pid := range s.exactly(2) {
		if pid == old[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}
}
