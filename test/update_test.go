package test

import (
	"maps"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// What the ecosystem file's post_update asks for runs as the app's user, and
// then the workers are replaced.
func TestUpdate(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	_, err := s.Run(t.Context(), "chown", "--recursive", "my-api:", site.Root)
	s.must(err)
	s.lossless(s.under(load.Slow, func() { s.systemctl("start", "my-api-update.service") }))
	s.replaced(old)

	// A release that doesn't build is not rolled out.
	old = s.pids()
	s.must(s.WriteFile(site.Root+"/src/index.js", "this is no JavaScript"))
	if out, err := s.Systemctl(t.Context(), "start", "my-api-update.service"); err == nil {
		t.Errorf("the update to a release that doesn't build succeeds: %s", out)
	}
	if now := s.exactly(workers); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
}
