package test

import (
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestReloadTwoAtATime(t *testing.T) {
	s := boot(t, twoAtATime)
	s.must(s.Start(t.Context()))
	watch, err := s.Watch(t.Context())
	s.must(err)
	s.lossless(s.under(load.Slow, func() {
		for range 3 {
			old := s.pids()
			s.must(s.Reload(t.Context()))
			s.replaced(old)
		}
	}))
	seen, err := watch.Stop()
	s.must(err)
	if seen.FewestReady < workers || seen.MostReady != workers+2 || seen.MostOfFirst > 1 {
		t.Errorf("seen were %+v, want %d to %d workers ready and instance 0 once", seen, workers, workers+2)
	}
	old := s.exactly(workers)
	s.must(s.Deploy(site.Broken))
	if out, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api"); err == nil {
		t.Errorf("reload succeeds with a broken release, and says\n%s", out)
	}
	if now := s.exactly(workers); len(now) != len(old) || now[site.Instance(0)] != old[site.Instance(0)] {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
}

func TestActivatorKilledDuringReloadTwoAtATime(t *testing.T) {
	second := site.Instance(workers + 1)
	moments := map[string]func(s scenario, old map[string]int) bool{
		"the canary starts": func(s scenario, old map[string]int) bool {
			return s.state(site.Instance(workers)) == "activating"
		},
		"the second surge worker starts": func(s scenario, old map[string]int) bool {
			return s.state(second) == "activating"
		},
		"the second surge worker is ready": func(s scenario, old map[string]int) bool {
			return s.state(second) == "active"
		},
		"two workers drain": func(s scenario, old map[string]int) bool {
			return s.state(site.Instance(0)) == "deactivating" && s.state(site.Instance(1)) == "deactivating"
		},
		"the first pair is new": func(s scenario, old map[string]int) bool {
			pids, err := s.PIDs()
			return err == nil && pids[site.Instance(1)] != 0 && pids[site.Instance(1)] != old[site.Instance(1)]
		},
		"the second pair drains": func(s scenario, old map[string]int) bool {
			return s.state(site.Instance(3)) == "deactivating"
		},
		"the surge workers stop": func(s scenario, old map[string]int) bool {
			return s.state(site.Instance(workers)) == "deactivating" || s.state(second) == "deactivating"
		},
	}
	for moment, come := range moments {
		t.Run(moment, func(t *testing.T) {
			s := boot(t, twoAtATime)
			s.must(s.Start(t.Context()))
			old := s.exactly(workers)
			watch, err := s.Watch(t.Context())
			s.must(err)
			s.lossless(s.under(load.Slow, func() {
				s.systemctl("reload", "--no-block", site.Target)
				s.eventually(moment, func() bool { return come(s, old) })
				s.killActivator()
				s.eventually("every worker is new, as the reload goes on", func() bool {
					pids := s.settled()
					for unit, pid := range pids {
						if old[unit] == pid {
							return false
						}
					}
					return true
				})
				before := s.settled()
				_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
				s.must(err)
				s.replaced(before)
			}))
			seen, err := watch.Stop()
			s.must(err)
			if seen.FewestReady < workers || seen.MostReady > workers+2 || seen.MostOfFirst > 1 {
				t.Errorf("seen were %+v, want %d to %d workers ready and instance 0 once", seen, workers, workers+2)
			}
		})
	}
}
