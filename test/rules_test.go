package test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
	"github.com/gopm/gopm/test/site"
)

// atOnce replaces all workers at a time while one stands in: what could be lost
// in a reload is lost then.
var atOnce = site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_PARALLEL=4", "GOPM_SURGE=1", "GOPM_SETTLE_TIME=200"}}

// ruleDropIn is what some rules change about the workers.
const ruleDropIn = "/etc/systemd/system/my-api@.service.d/rule.conf"

// PM2 loses requests by twelve rules. Each is an app, or an event, that makes
// PM2 7 lose some in a reload, or everything; here none is lost. (Where an app in
// fork mode has a port, G has tests of its own.)
func TestPM2LossRules(t *testing.T) {
	s := boot(t, atOnce)
	s.must(s.Start(t.Context()))
	rules := []struct {
		name string
		hold func(scenario)
	}{
		{"A the app has no SIGINT handler", func(s scenario) { s.reloads(1, site.Good, load.PerRequest) }},
		{"B a drain takes longer than kill_timeout", func(s scenario) { s.reloads(2, site.Long, load.Slow) }},
		{"C clients keep their connections and stay busy", func(s scenario) { s.reloads(1, site.Good, load.KeepAlive) }},
		{"D a worker dies while connections are handed to it", func(s scenario) { s.good(); s.kills(load.PerRequest, 2) }},
		{"E a worker takes 5 s to listen", func(s scenario) { s.reloads(1, site.Sluggish, load.PerRequest) }},
		{"F the release is broken", scenario.ruleF},
		{"G a worker is not running", scenario.ruleG},
		{"H the app listens for metrics first", func(s scenario) { s.reloads(1, site.Metrics, load.PerRequest) }},
		{"I the app knows a message and no signal", scenario.ruleI},
		{"J a child does the work", func(s scenario) { s.reloads(2, site.Parent, load.Slow) }},
		{"K reloads overlap", scenario.ruleK},
		{"K the app is restarted during a reload", scenario.restartDuringReload},
		{"L the supervisor dies or is upgraded", scenario.ruleL},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) { rule.hold(scenario{s.Site, t}) })
	}
}

// reloads deploys a release and reloads: once where its start is what counts, or
// what clients do, and once more where its end is.
func (s scenario) reloads(times int, r site.Release, p load.Profile) {
	s.t.Helper()
	s.must(s.Deploy(r))
	s.lossless(s.under(p, func() {
		for range times {
			old := s.settled()
			s.reload()
			s.replaced(old)
		}
	}))
}

// reload replaces every worker.
func (s scenario) reload() {
	s.t.Helper()
	_, err := s.Roll(s.t.Context())
	s.must(err)
}

// good has all workers run the example again.
func (s scenario) good() {
	s.t.Helper()
	s.must(s.Deploy(site.Good))
	s.reload()
	s.settled()
}

// kills kills workers while requests come: but for those inside it, nobody waits in
// vain.
func (s scenario) kills(profile load.Profile, times int) {
	s.t.Helper()
	k := &soak{scenario: s, random: rand.New(rand.NewPCG(*soakSeed, 0)), done: map[string]int{}, killed: map[int]int{}}
	client := s.Client(profile)
	client.Connections = 32
	running := client.Start(s.t.Context())
	for range times {
		var asked []machine.Process
		s.eventually("workers are asked", func() bool {
			asked = s.asked(profile)
			return len(asked) > 0
		})
		old := s.pids()
		k.killOne(asked)
		s.eventually("there is another worker", func() bool {
			pids, err := s.PIDs()
			return err == nil && len(pids) == workers && !maps.Equal(pids, old)
		})
		s.settled()
	}
	r, err := running.Stop()
	s.must(err)
	s.t.Logf("%s: %s", profile, r)
	k.accounts(r)
}

// asked are the workers that have a caller. A connection for one request is gone before it
// is seen: then they are all.
func (s scenario) asked(profile load.Profile) []machine.Process {
	s.t.Helper()
	processes, err := s.Processes(site.Workers)
	s.must(err)
	return slices.DeleteFunc(processes, func(p machine.Process) bool {
		callers, err := p.Victim().Callers()
		return profile != load.PerRequest && (err != nil || len(callers) == 0)
	})
}

// ruleG reloads while a worker has crashed and waits to be started again.
func (s scenario) ruleG() {
	s.dropIn("[Service]\nRestartSec=1h\n")
	defer s.dropIn("")
	old := s.settled()
	crashed := site.Instance(2)
	s.must(s.Kill(s.t.Context(), crashed, "KILL"))
	s.eventually("it waits to be started again", func() bool {
		state, err := s.Property(s.t.Context(), crashed, "SubState")
		s.must(err)
		return state == "auto-restart"
	})
	s.lossless(s.under(load.PerRequest, s.reload))
	s.replaced(old)
}

// ruleI reloads an app that is told of its end by a message alone
// (shutdown_with_message).
func (s scenario) ruleI() {
	s.dropIn("[Service]\nExecStop=\nExecStop=/usr/bin/gopm-activator drain --message my-api %i\n")
	defer s.dropIn("")
	s.reloads(2, site.Obedient, load.Slow)
}

func (s scenario) dropIn(text string) {
	s.t.Helper()
	s.must(s.WriteFile(ruleDropIn, text))
	s.systemctl("daemon-reload")
}

// ruleK deploys another release during a reload, and asks twice for one of that:
// in the end each worker runs the latest.
func (s scenario) ruleK() {
	s.must(s.Deploy(site.Light))
	s.lossless(s.under(load.Slow, func() {
		ended := make(chan error)
		reload := func() {
			_, err := s.Roll(s.t.Context())
			ended <- err
		}
		old := s.pids()
		go reload()
		s.eventually("a worker is new", func() bool {
			pids, err := s.PIDs()
			first := site.Instance(0)
			return err == nil && pids[first] != 0 && pids[first] != old[first]
		})
		s.must(s.Deploy(site.Good))
		older := s.pids()
		go reload()
		go reload()
		for range 3 {
			s.must(<-ended)
		}
		s.replaced(older)
	}))
}

// restartDuringReload: who comes meanwhile waits, and is not refused.
func (s scenario) restartDuringReload() {
	old := s.settled()
	client := s.Client(load.PerRequest)
	running := client.Start(s.t.Context())
	s.systemctl("reload", "--no-block", site.Target)
	s.eventually("the surge worker is ready", func() bool { return s.state(site.Instance(workers)) == "active" })
	s.systemctl("restart", site.Target)
	s.settledTo(workers)
	r, err := running.Stop()
	s.must(err)
	s.t.Log(r)
	s.lossless(r)
	s.replaced(old)
	s.nothingFailed()
}

// ruleL: whatever happens to those in charge, no worker notices.
func (s scenario) ruleL() {
	old := s.settled()
	s.lossless(s.under(load.Slow, func() {
		s.killActivator()
		s.systemctl("restart", site.Activator)
		s.systemctl("daemon-reexec")
		s.systemctl("daemon-reload")
	}))
	if now := s.settled(); !maps.Equal(now, old) {
		s.t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	// And in a reload, which goes on.
	s.lossless(s.under(load.Slow, func() {
		s.systemctl("reload", "--no-block", site.Target)
		for _, instance := range []int{workers, 0} {
			unit := site.Instance(instance)
			s.eventually(unit+" starts", func() bool {
				pids, err := s.PIDs()
				return err == nil && pids[unit] != 0 && pids[unit] != old[unit]
			})
			s.systemctl("daemon-reexec")
			s.systemctl("daemon-reload")
		}
		s.settledTo(workers)
	}))
	s.replaced(old)
}

// ruleF deploys a release that throws: no old worker is touched, and whoever
// asked is told.
func (s scenario) ruleF() {
	s.good()
	old := s.exactly(workers)
	s.must(s.Deploy(site.Broken))

	r := s.under(load.KeepAlive, func() {
		out, err := s.Run(s.t.Context(), "gopm-activator", "reload", "my-api")
		if err == nil {
			s.t.Errorf("gopm-activator reload succeeds with a broken release, and says:\n%s", out)
		} else if !strings.Contains(err.Error(), "exit status 1: gopm-activator: error: ") {
			s.t.Errorf("gopm-activator reload fails with %q, want exit status 1 and an error", err)
		}
		// systemctl can't tell of it: systemd has no word for a failed reload
		// of a target.
		s.must(s.Reload(s.t.Context()))
	})
	s.lossless(r)
	if now := s.exactly(workers); !maps.Equal(now, old) {
		s.t.Errorf("workers are %v, want the old ones %v", now, old)
	}

	status, err := s.Property(s.t.Context(), site.Activator, "StatusText")
	s.must(err)
	journal, err := s.Journal(s.t.Context(), site.Activator)
	s.must(err)
	s.t.Logf("status text: %s", status)
	for where, text := range map[string]string{"status": status, "journal": journal} {
		if !strings.Contains(text, "aborted") {
			s.t.Errorf("the %s doesn't say that the reload was aborted:\n%s", where, text)
		}
	}

	s.must(s.Deploy(site.Good))
	r = s.under(load.KeepAlive, func() {
		out, err := s.Run(s.t.Context(), "gopm-activator", "reload", "my-api")
		s.must(err)
		s.t.Logf("gopm-activator reload says:\n%s", out)
	})
	s.lossless(r)
	s.replaced(old)
	status, err = s.Property(s.t.Context(), site.Activator, "StatusText")
	s.must(err)
	if strings.Contains(status, "aborted") {
		s.t.Errorf("after a good release the status is still %q", status)
	}
}
