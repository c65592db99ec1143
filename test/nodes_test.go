package test

import (
	"fmt"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/site"
)

func TestNodeReleases(t *testing.T) {
	o := four
	o.Nodes = nodes.Supported()
	s := boot(t, o)
	for _, major := range o.Nodes {
		t.Run(fmt.Sprintf("node=%d", major), func(t *testing.T) {
			s := scenario{s.Site, t}
			s.must(s.UseNode(t.Context(), major))
			s.must(s.Start(t.Context()))
			s.exactly(workers)
			for _, profile := range load.Profiles() {
				r := s.under(profile, func() {
					old := s.pids()
					s.must(s.Reload(t.Context()))
					s.replaced(old)
				})
				s.lossless(r)
			}
			s.systemctl("stop", site.Target)
			s.stopped()
		})
	}
}
