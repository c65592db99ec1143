package test

import (
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// The bus is restarted at rest, in the middle of a roll, and is then gone for
// good: the activator talks to systemd itself.
func TestBusRestarted(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.lossless(s.under(load.PerRequest, func() {
		s.systemctl("restart", "dbus.service")
		s.systemctl("reload", "--no-block", site.Target)
		s.eventually("the surge worker is there", func() bool {
			return s.state(site.Instance(workers)) != "inactive"
		})
		s.systemctl("restart", "dbus.service")
		s.eventually("the reload is done", func() bool { return len(s.told("rollout-finished")) == 1 })
		s.replaced(old)
		s.systemctl("stop", "dbus.socket", "dbus.service")
		before := s.exactly(workers)
		s.must(s.Reload(t.Context()))
		s.replaced(before)
	}))
}

// Whoever removes the control socket takes nothing from the workers that run; no
// other can start until the socket unit is restarted.
func TestControlSocketRemoved(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.lossless(s.under(load.KeepAlive, func() {
		_, err := s.Run(t.Context(), "rm", "/run/gopm/my-api.sock")
		s.must(err)
		_, err = s.Run(t.Context(), "gopm-activator", "reload", "my-api")
		if want := "no such file or directory; start my-api.target or, if it runs and somebody has removed the socket, restart gopm-activator@my-api.socket"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("reload says %v, want %q", err, want)
		}
		s.systemctl("restart", "gopm-activator@my-api.socket")
		if now := s.settled(); !maps.Equal(now, old) {
			t.Errorf("workers are %v, want the old ones %v", now, old)
		}
		s.must(s.Reload(t.Context()))
		s.replaced(old)
	}))
}
