package test

import (
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// A worker that crashes again and again ends as systemd's failed, and a line
// says so. The others serve all the time.
func TestCrashLoop(t *testing.T) {
	s := boot(t, four)
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/soon.conf", "[Service]\nRestartSec=100ms\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	looping := site.Instance(2)
	mend := map[string]func(){
		"reset-failed and start": func() {
			s.systemctl("reset-failed", looping)
			s.systemctl("start", looping)
			now := s.exactly(workers)
			delete(old, looping)
			delete(now, looping)
			if !maps.Equal(now, old) {
				t.Errorf("workers are %v, want the old ones %v", now, old)
			}
		},
		"reload": func() {
			old := s.pids()
			s.must(s.Reload(t.Context()))
			s.replaced(old)
		},
	}
	for i, how := range []string{"reset-failed and start", "reload"} {
		s.must(s.Deploy(site.Third))
		s.must(s.Kill(t.Context(), looping, "KILL"))
		s.lossless(s.under(load.KeepAlive, func() {
			s.eventually("the journal tells that it has failed", func() bool { return len(s.told("worker-failed")) > i })
		}))
		want := entry{"my-api", "2", "worker-failed", site.Activator, "3", "gopm-activator"}
		if got := s.told("worker-failed"); len(got) != i+1 || got[i] != want {
			t.Errorf("the journal has %+v, want %d times %+v", got, i+1, want)
		}
		if state := s.state(looping); state != "failed" {
			t.Errorf("%s is %s", looping, state)
		}
		s.must(s.Deploy(site.Good))
		s.lossless(s.under(load.KeepAlive, mend[how]))
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	const line = "my-api@2.service has failed, and is not started again (exited with status 1); 3 of 4 workers are ready. When it is mended: gopm reload my-api"
	if n := strings.Count(journal, line); n != 2 {
		t.Errorf("the journal has %d times %q:\n%s", n, line, journal)
	}
}
