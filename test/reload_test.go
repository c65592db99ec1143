package test

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestReload(t *testing.T) {
	for _, profile := range load.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			s := boot(t, four)
			s.must(s.Start(t.Context()))
			s.reloadsSeen(profile, 10, 1)
		})
	}
}

// reloadsSeen reloads some times under load, with up to so many surge workers, and looks
// at the workers all the while.
func (s scenario) reloadsSeen(profile load.Profile, times, surges int) {
	s.t.Helper()
	watch, err := s.Watch(s.t.Context())
	s.must(err)
	r := s.under(profile, func() {
		for range times {
			old := s.pids()
			s.must(s.Reload(s.t.Context()))
			s.replaced(old)
		}
	})
	s.lossless(r)
	seen, err := watch.Stop()
	s.must(err)
	s.t.Logf("%+v", seen)
	if seen.FewestReady < workers {
		s.t.Errorf("at one time %d workers were ready, want at least %d", seen.FewestReady, workers)
	}
	if seen.MostReady <= workers || seen.MostReady > workers+surges {
		s.t.Errorf("at most %d workers were ready, want up to %d surge workers besides the %d", seen.MostReady, surges, workers)
	}
	if seen.MostOfFirst > 1 {
		s.t.Errorf("at one time %d processes were instance 0", seen.MostOfFirst)
	}
}

func TestStopDuringReload(t *testing.T) {
	s := boot(t, four)
	s.stopsDuringReload()
}

// stopsDuringReload stops the app at several moments of a reload.
func (s scenario) stopsDuringReload() {
	moments := map[string]func(s scenario, old map[string]int) bool{
		"the surge worker is ready": func(s scenario, old map[string]int) bool {
			return s.state(site.Instance(workers)) == "active"
		},
		"a worker has just been started": func(s scenario, old map[string]int) bool {
			pids, err := s.PIDs()
			return err == nil && pids[site.Instance(0)] != 0 && pids[site.Instance(0)] != old[site.Instance(0)]
		},
		"a worker is new": func(s scenario, old map[string]int) bool {
			pids, err := s.PIDs()
			return err == nil && pids[site.Instance(0)] != old[site.Instance(0)] && s.state(site.Instance(0)) == "active"
		},
	}
	for moment, come := range moments {
		s.t.Run(moment, func(t *testing.T) {
			s := scenario{s.Site, t}
			s.must(s.Start(t.Context()))
			old := s.exactly(workers)
			s.systemctl("reload", "--no-block", site.Target)
			s.eventually(moment, func() bool { return come(s, old) })
			s.systemctl("stop", site.Target)
			s.stopped()
			s.systemctl("reset-failed")
		})
	}
}

// Without the right to load a program into the kernel, the workers are picked
// at random, and all else is the same.
func TestWithoutBPF(t *testing.T) {
	s := boot(t, four)
	s.must(s.WriteFile("/etc/systemd/system/"+site.Activator+".d/60-no-bpf.conf", "[Service]\nCapabilityBoundingSet=\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	if !strings.Contains(journal, "new connections are spread at random and not in turn") {
		t.Errorf("the journal doesn't say that the selector is missing:\n%s", journal)
	}
	r := s.under(load.PerRequest, func() {
		s.must(s.Kill(t.Context(), site.Activator, "KILL"))
		s.settled()
		s.must(s.Reload(t.Context()))
		s.replaced(old)
	})
	s.lossless(r)
	answering := 0
	for _, requests := range r.PIDs {
		if requests > 0 {
			answering++
		}
	}
	if answering < 2*workers {
		t.Errorf("%d processes answered before and after the reload, want %d: %v", answering, 2*workers, r.PIDs)
	}
}
