package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestRestartRefusesNobody(t *testing.T) {
	for _, profile := range load.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			s := boot(t, four)
			s.must(s.Start(t.Context()))
			s.restarts(profile)
		})
	}
}

// restarts restarts the app under load: nobody is refused.
func (s scenario) restarts(profile load.Profile) {
	s.t.Helper()
	old := s.exactly(workers)
	client := s.Client(profile)
	running := client.Start(s.t.Context())
	s.systemctl("restart", site.Target)
	// A target is restarted before its workers are.
	s.settled()
	r, err := running.Stop()
	s.must(err)
	s.t.Logf("%s: %s; the longest took %s", profile, r, r.Longest)
	s.lossless(r)
	s.replaced(old)
}

func TestStop(t *testing.T) {
	s := boot(t, four)
	for range 2 {
		s.must(s.Start(t.Context()))
		s.exactly(workers)
		s.stopsAsked(func() { s.systemctl("stop", site.Target) })
		s.stopped()
	}
	s.stopsWhileItStarts()
}

// stopsWhileItStarts stops a worker whose start command knows no signal yet: nothing has
// failed.
func (s scenario) stopsWhileItStarts() {
	s.t.Helper()
	s.dropIn("[Service]\nExecStartPost=\nExecStartPost=/usr/bin/sleep infinity\n")
	defer s.dropIn("")
	s.systemctl("start", "--no-block", site.Target)
	s.eventually("its start command runs", func() bool {
		state, err := s.Property(s.t.Context(), site.Instance(0), "SubState")
		s.must(err)
		return state == "start-post"
	})
	s.systemctl("stop", site.Target)
	s.stopped()
	journal, err := s.Run(s.t.Context(), "journalctl", "--boot", "--no-pager", "--unit="+site.Activator, "--priority=err")
	s.must(err)
	if strings.Contains(journal, "did not start") {
		s.t.Errorf("the journal has errors:\n%s", journal)
	}
}

// stopsAsked has the app stopped while requests are under way, each of which is
// answered.
func (s scenario) stopsAsked(stop func()) {
	s.t.Helper()
	// Each is in a worker when the stop comes: it has said so.
	const requests = 2 * workers
	answers := make(chan error, requests)
	for range requests {
		_, conn, err := s.Ask(s.t.Context(), "/api/v1/hello")
		s.must(err)
		defer conn.Close()
		go func() {
			_, err := s.AskOn(s.t.Context(), conn, "/api/v1/slow")
			answers <- err
		}()
	}
	stop()
	for range requests {
		if err := <-answers; err != nil {
			s.t.Errorf("a request under way when the app was stopped: %v", err)
		}
	}
}

// stopped waits until the app has stopped, which systemctl doesn't where a
// target is stopped, and checks that nothing of it is left.
func (s scenario) stopped() {
	s.t.Helper()
	ended := []string{"inactive", "failed"}
	s.eventually("the app has stopped", func() bool {
		return slices.Contains(ended, s.state(site.Activator)) && slices.Contains(ended, s.state(site.Socket))
	})
	refuses, err := s.Refuses(s.t.Context())
	s.must(err)
	if !refuses {
		s.t.Error("the port is open after the stop")
	}
	for _, pattern := range []string{"my-api*", "gopm-activator@*"} {
		processes, err := s.Processes(pattern)
		s.must(err)
		for _, p := range processes {
			s.t.Errorf("after the stop %s still has %s, process %d", p.Unit, p.Name, p.PID)
		}
	}
	s.nothingFailed()
}

// nothingFailed checks that systemd shows nobody a unit that is no worry.
func (s scenario) nothingFailed() {
	s.t.Helper()
	if failed := s.systemctl("list-units", "--failed", "--no-legend"); failed != "" {
		s.t.Errorf("units have failed:\n%s", failed)
	}
}
