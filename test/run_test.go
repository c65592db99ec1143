package test

import (
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// contain starts the example under gopm run, as process 1 of a container whose root is
// read-only, for an ordinary user, and waits until every worker is ready.
func contain(t *testing.T) scenario {
	t.Helper()
	contained, err := stage.Contain(t.Context(), workers)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{contained, t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Console())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.line(0, "my-api@3.service is ready")
	s.settled()
	return s
}

// line waits for one that gopm has written since there were so many bytes.
func (s scenario) line(since int, part string) {
	s.t.Helper()
	s.eventually("a line has "+part, func() bool { return strings.Contains(s.Console()[since:], part) })
}

func TestRun(t *testing.T) {
	s := contain(t)
	for _, command := range []string{"touch /srv/my-api/x", "touch /usr/x"} {
		if _, err := s.Run(t.Context(), "sh", "-c", command); err == nil || !strings.Contains(err.Error(), "Read-only file system") {
			t.Errorf("%s: %v, want a read-only root", command, err)
		}
	}
	each := func(name string, do func(scenario)) { t.Run(name, func(t *testing.T) { do(scenario{s.Site, t}) }) }

	// What units are put to.
	for _, profile := range load.Profiles() {
		each("reload: "+profile.String(), func(s scenario) { s.reloadsSeen(profile, 1, 2) })
		each("killed: "+profile.String(), func(s scenario) { s.kills(profile, 1) })
		each("restart: "+profile.String(), func(s scenario) { s.restarts(profile) })
	}
	each("killed while it is asked", scenario.killsStopped)
	each("reloads overlap", scenario.ruleK)
	each("restarted during a reload", scenario.restartDuringReload)
	each("stopped during a reload", func(s scenario) {
		s.stopsDuringReload()
		s.must(s.Start(s.t.Context()))
	})
	each("stopped", func(s scenario) {
		s.exactly(workers)
		s.stopsAsked(func() { s.systemctl("stop", site.Target) })
		s.stopped()
		s.must(s.Start(s.t.Context()))
		s.exactly(workers)
	})
	each("garbage on a channel", scenario.endsAlone)
	each("a broken release", scenario.refusesBroken)

	each("SIGHUP", func(s scenario) {
		old := s.settled()
		since := len(s.Console())
		s.lossless(s.under(load.KeepAlive, func() {
			s.must(s.Signal(syscall.SIGHUP))
			s.line(since, "reload: done")
		}))
		s.settled()
		s.replaced(old)
	})

	each("scaled", func(s scenario) {
		s.lossless(s.under(load.KeepAlive, func() {
			for _, step := range []struct{ by, want string }{
				{"+2", "my-api: online, 6 of 6 ready, until its gopm run ends"},
				{"2", "my-api: online, 2 of 2 ready, until its gopm run ends"},
				{"file", "my-api: online, 4 of 4 ready"},
			} {
				out, err := s.AsUser(s.t.Context(), "gopm", "scale", "my-api", step.by)
				if err != nil || out != step.want {
					s.t.Errorf("gopm scale %s prints %q, %v; want %q", step.by, out, err, step.want)
				}
			}
		}))
		s.settled()
	})

	each("a crash loop", func(s scenario) {
		old := s.settled()
		s.must(s.Deploy(site.Third))
		since := len(s.Console())
		third := site.Instance(2)
		s.must(s.Kill(s.t.Context(), third, "KILL"))
		s.lossless(s.under(load.Slow, func() { s.line(since, third+" has failed, and is not started again: started ") }))
		delete(old, third)
		if now := s.pids(); !maps.Equal(now, old) {
			s.t.Errorf("the others are %v, want %v", now, old)
		}
		s.must(s.Deploy(site.Good))
		s.reload()
		s.settled()
	})

	each("orphans", func(s scenario) {
		// They end after their parent, and are process 1's then.
		_, err := s.AsUser(s.t.Context(), "sh", "-c", "for i in 1 2 3; do (sleep 0.1 &) ; done")
		s.must(err)
		s.eventually("nothing is left of them", func() bool {
			out, err := s.Run(s.t.Context(), "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | grep -e ' (sleep) ' || true")
			s.must(err)
			return out == ""
		})
	})

	each("SIGTERM", func(s scenario) {
		s.stopsAsked(func() { s.must(s.Signal(syscall.SIGTERM)) })
		if code, err := s.Wait(s.t.Context()); err != nil || code != 0 {
			s.t.Errorf("gopm ended with %d, %v", code, err)
		}
	})
}

// refusesBroken reloads with a release that throws: no old worker is touched.
func (s scenario) refusesBroken() {
	s.t.Helper()
	old := s.settled()
	s.must(s.Deploy(site.Broken))
	s.lossless(s.under(load.KeepAlive, func() {
		_, err := s.Roll(s.t.Context())
		if err == nil || !strings.Contains(err.Error(), "canary 4 did not become ready: exited with status 1; no old worker was touched") {
			s.t.Errorf("reload: %v", err)
		}
	}))
	if now := s.settled(); !maps.Equal(now, old) {
		s.t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	s.must(s.Deploy(site.Good))
}
