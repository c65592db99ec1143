package test

import (
	"maps"
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
			watch, err := s.Watch(t.Context())
			s.must(err)
			r := s.under(profile, func() {
				for range 10 {
					old := s.pids()
					s.must(s.Reload(t.Context()))
					s.replaced(old)
				}
			})
			s.lossless(r)
			seen, err := watch.Stop()
			s.must(err)
			t.Logf("%+v", seen)
			if seen.FewestReady < workers {
				t.Errorf("at one time %d workers were ready, want at least %d", seen.FewestReady, workers)
			}
			if seen.MostReady != workers+1 {
				t.Errorf("at most %d workers were ready, want %d: one at a time, and the surge worker", seen.MostReady, workers+1)
			}
			if seen.MostOfFirst > 1 {
				t.Errorf("at one time %d processes were instance 0", seen.MostOfFirst)
			}
		})
	}
}

func TestReloadBrokenRelease(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.must(s.Deploy(site.Broken))

	r := s.under(load.KeepAlive, func() {
		out, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
		if err == nil {
			t.Errorf("gopm-activator reload succeeds with a broken release, and says:\n%s", out)
		} else if !strings.Contains(err.Error(), "exit status 1: gopm-activator: error: ") {
			t.Errorf("gopm-activator reload fails with %q, want exit status 1 and an error", err)
		}
		// systemctl can't tell of it: systemd has no word for a failed reload
		// of a target.
		s.must(s.Reload(t.Context()))
	})
	s.lossless(r)
	if now := s.exactly(workers); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}

	status, err := s.Property(t.Context(), site.Activator, "StatusText")
	s.must(err)
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	t.Logf("status text: %s", status)
	for where, text := range map[string]string{"status": status, "journal": journal} {
		if !strings.Contains(text, "aborted") {
			t.Errorf("the %s doesn't say that the reload was aborted:\n%s", where, text)
		}
	}

	s.must(s.Deploy(site.Good))
	r = s.under(load.KeepAlive, func() {
		out, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
		s.must(err)
		t.Logf("gopm-activator reload says:\n%s", out)
	})
	s.lossless(r)
	s.replaced(old)
	status, err = s.Property(t.Context(), site.Activator, "StatusText")
	s.must(err)
	if strings.Contains(status, "aborted") {
		t.Errorf("after a good release the status is still %q", status)
	}
}

// A reload that comes during another has its own roll, or shares one that
// begins after it was asked for.
func TestReloadTwiceAtOnce(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.lossless(s.under(load.Slow, func() {
		ended := make(chan error)
		for range 2 {
			go func() {
				_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
				ended <- err
			}()
		}
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}))
	s.replaced(old)
}

func TestStopDuringReload(t *testing.T) {
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
	s := boot(t, four)
	for moment, come := range moments {
		t.Run(moment, func(t *testing.T) {
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
