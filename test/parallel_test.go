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
