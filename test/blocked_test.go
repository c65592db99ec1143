package test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// While a worker's event loop is blocked, the others get its connections, those
// too that were queued for it, and also from another activator.
func TestBlockedWorker(t *testing.T) {
	s := boot(t, four)
	s.must(s.Deploy(site.Blocking))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)

	blocked := s.ask("/api/v1/block", old)
	s.askAtOnce(s.dialPort, func(context.Context) {})
	r := s.under(load.PerRequest, func() {
		s.killActivator()
		s.askAtOnce(s.dialPort, func(context.Context) {})
	})
	s.lossless(r)
	// Its own answers were all given before.
	if n := r.PIDs[old[blocked]]; n > 0 {
		t.Errorf("%s, which is blocked, answered %d requests", blocked, n)
	}

	s.must(s.WriteFile(site.GoOn, ""))
	s.eventually(blocked+" answers again", func() bool { return s.ask("/api/v1/hello", old) == blocked })
	if now := s.exactly(workers); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	s.spread()
}

// With gopm.hang_timeout it is replaced; a release that cannot take its place is
// not tried again at once.
func TestHangTimeout(t *testing.T) {
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_HANG_TIMEOUT=1000"}})
	s.must(s.Deploy(site.Blocking))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	blocked := s.ask("/api/v1/block", old)
	s.lossless(s.under(load.PerRequest, func() { s.mended(blocked, old) }))
	if hung := s.told("worker-hung"); len(hung) != 1 || hung[0].Priority != "3" {
		t.Errorf("the journal tells %+v, want that one worker hung", hung)
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	if line := blocked + " hangs: its event loop has not turned for "; !strings.Contains(journal, line) {
		t.Errorf("the journal lacks %q:\n%s", line, journal)
	}

	s.must(s.Deploy(site.Broken))
	fresh := s.exactly(workers)
	blocked = s.ask("/api/v1/block", fresh)
	s.lossless(s.under(load.PerRequest, func() {
		s.eventually("a pause begins", func() bool {
			journal, err := s.Journal(t.Context(), site.Activator)
			s.must(err)
			return strings.Contains(journal, "no worker is replaced for its health, or because it hangs, for the next 1m0s")
		})
	}))
	if hung := s.told("worker-hung"); len(hung) != 2 {
		t.Errorf("the journal tells %+v, want that two workers hung", hung)
	}
	if now := s.exactly(workers); !maps.Equal(now, fresh) {
		t.Errorf("workers are %v, want that %s was left alone: %v", now, blocked, fresh)
	}
}
