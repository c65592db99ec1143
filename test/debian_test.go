package test

import (
	"maps"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// The main points again, under another release's systemd.
func TestDebian13(t *testing.T) {
	o := four
	o.Debian = "trixie"
	s := boot(t, o)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	r := s.under(load.PerRequest, func() {
		s.must(s.Kill(t.Context(), site.Activator, "KILL"))
		s.settled()
		if now := s.exactly(workers); !maps.Equal(now, old) {
			t.Errorf("workers are %v, want the old ones %v", now, old)
		}
		s.must(s.Reload(t.Context()))
		s.replaced(old)
	})
	s.lossless(r)
	s.systemctl("stop", site.Target)
	s.stopped()
	s.must(s.Start(t.Context()))
	s.exactly(workers)
}
