package test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
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

	each("logs", scenario.tellsLogs)
	each("an app without an activator", scenario.steersPlain)
	each("a worker that never stops", scenario.cutsStuck)

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
		s.stopsAsked(func() {
			// A second one and a SIGHUP change nothing.
			for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTERM} {
				s.must(s.Signal(signal))
			}
		})
		if code, err := s.Wait(s.t.Context()); err != nil || code != 0 {
			s.t.Errorf("gopm ended with %d, %v", code, err)
		}
	})
}

// tellsLogs asks for what apps have said: with the run, and in a file.
func (s scenario) tellsLogs() {
	s.t.Helper()
	s.holdsLines(s.asNode("logs", "talk", "--nostream", "--lines=100"), []string{"0|talk | started 0", "1|talk | warned 1", "exit 0"}, []string{"my-api", "plain"})
	pid, err := s.Property(s.t.Context(), "talk@1.service", "MainPID")
	s.must(err)
	ready := "gopm|talk | talk@1.service is ready (pid " + pid + ")"
	s.holdsLines(s.asNode("logs", "talk", "1", "--nostream"), []string{"1|talk | started 1", ready}, []string{"0|talk", "talk@0"})
	s.holdsLines(s.asNode("logs", "talk", "--nostream", "--err", "--raw"), []string{"warned 0", "warned 1"}, []string{"started", "ready"})
	s.holdsLines(s.asNode("logs", "--nostream", "--lines=1", "--out", "--grep=^(started|warned) 0"), []string{"0|talk   | started 0"}, []string{"warned", "plain"})
	s.nodeSays("0|plain | plain is up\n1|plain | plain is up\nexit 0", "logs", "plain", "--nostream", "--lines=1", "--out")
	lines := s.followsBy("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "gopm", "logs", "--json", "--lines=0")
	s.eventually("it follows", func() bool {
		s.asNode("send", "talk", "hello")
		for len(lines) > 0 {
			if l := <-lines; l.String() == "out 1|talk told hello" {
				return true
			}
		}
		return false
	})
	s.nodeSays("talk@0: stopped\nexit 0", "stop", "talk@0")
	s.nodeSays("talk@0: ready\nexit 0", "start", "talk@0")
	s.awaitLine(lines, "err 0|talk warned 0")

	term := s.openTerminal(80, 24, quoted(s.Command(s.t.Context(), "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups",
		"env", "--ignore-environment", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TERM=tmux-256color", "gopm", "monit").Args)+"; sleep infinity")
	term.shows("my-api@0 Logs")
	term.press(slices.Repeat([]string{"j"}, 7)...)
	term.shows("talk@0 Logs", "told hello", "warned 0", "gopm| talk@0.service is ready")
}

// asNode is gopm of the container's user, with all that it prints.
func (s scenario) asNode(args ...string) string {
	s.t.Helper()
	return s.asUser([]string{"--reuid=1000", "--regid=1000", "--clear-groups"}, args...)
}

// nodeSays checks that.
func (s scenario) nodeSays(want string, args ...string) {
	s.t.Helper()
	if got := s.asNode(args...); got != want {
		s.t.Errorf("gopm %s prints\n%s\nwant\n%s", strings.Join(args, " "), got, want)
	}
}

// steersPlain does what can be done to an app without an activator.
func (s scenario) steersPlain() {
	s.t.Helper()
	s.nodeSays("my-api\nplain\nstuck\ntalk\nexit 0", "ls", "--names")
	row := func(restarts int) *regexp.Regexp {
		return regexp.MustCompile(fmt.Sprintf(`(?m)^plain +0 +fork +\d+ +\d+[sm] +%d +ready `, restarts))
	}
	s.eventually("gopm ls shows it", func() bool { return row(0).MatchString(s.asNode("ls")) })
	if out := s.asNode("signal", "KILL", "plain@0"); !strings.HasPrefix(out, "SIGKILL to plain@0.service (pid ") {
		s.t.Errorf("gopm signal prints %s", out)
	}
	s.eventually("it was started again", func() bool { return row(1).MatchString(s.asNode("ls")) })
	if out := s.asNode("describe", "plain"); !strings.Contains(out, "state        online, 2 of 2 ready\n") || !strings.Contains(out, "script       /srv/my-api/plain.sh\n") {
		s.t.Errorf("gopm describe prints\n%s", out)
	}
	s.nodeSays("reload: done\nexit 0", "reload", "plain")
	s.nodeSays("plain@1: stopped\nexit 0", "stop", "plain@1")
	s.nodeSays("plain@1: ready\nexit 0", "start", "plain@1")
	s.nodeSays("plain: stopped\nexit 0", "stop", "plain")
	s.nodeSays("gopm: error: reload plain: it is stopped; gopm start plain starts it\nexit 1", "reload", "plain")
	s.nodeSays("plain: online, 2 of 2 ready\nexit 0", "start", "plain")
	s.nodeSays("plain: online, 2 of 2 ready\nexit 0", "restart", "plain")
}

// cutsStuck stops a worker that does not answer, nor end: it has the times of its
// file, and no more.
func (s scenario) cutsStuck() {
	s.t.Helper()
	conn, err := s.Dial(s.t.Context(), "tcp", "127.0.0.1:3001")
	s.must(err)
	defer conn.Close()
	since := len(s.Console())
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	s.must(err)
	s.line(since, "stuck is asked")
	s.nodeSays("stuck: failed, 0 of 1 ready\nexit 0", "stop", "stuck")
	s.line(since, "stuck@0.service still has connections after its drain time; they are cut now")
	s.line(since, "stuck@0.service has failed, and is not started again: killed by signal 9")
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		s.t.Error("who waited for it gets an answer")
	}
	s.nodeSays("stuck: online, 1 of 1 ready\nexit 0", "start", "stuck")
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
