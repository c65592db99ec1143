package test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// The bus is restarted at rest and in the middle of a roll, systemd executes
// itself anew, and then the bus is gone for good: the activator talks to systemd
// itself, and asks again.
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
		for range 3 {
			s.systemctl("daemon-reexec")
		}
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

// An app that nobody asks for anything costs next to no CPU.
func TestIdleActivatorSleeps(t *testing.T) {
	const looking = 20 * time.Second
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_MEMORY_LIMIT=1000000000"}})
	s.must(s.Start(t.Context()))
	s.must(s.Reload(t.Context()))
	pid, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)
	before := s.wakeUps(pid)
	time.Sleep(looking)
	perSecond := float64(s.wakeUps(pid)-before) / looking.Seconds()
	t.Logf("the activator of %d idle workers with a memory limit wakes %.2f times a second", workers, perSecond)
	if perSecond > 1 {
		t.Errorf("the activator wakes %.2f times a second, want at most once", perSecond)
	}
}

// wakeUps are how often a process's threads have been woken, all in all: the
// voluntary context switches of proc(5).
func (s scenario) wakeUps(pid int) int {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "sh", "-c", fmt.Sprintf("cat /proc/%d/task/*/status", pid))
	s.must(err)
	sum := 0
	for line := range strings.Lines(out) {
		if count, found := strings.CutPrefix(line, "voluntary_ctxt_switches:"); found {
			n, err := strconv.Atoi(strings.TrimSpace(count))
			s.must(err)
			sum += n
		}
	}
	return sum
}
