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

// An app that nobody asks for anything costs no CPU. (With a memory limit, which
// is looked at every 5 s, it is woken about 1.6 times a second.)
func TestIdleActivatorSleeps(t *testing.T) {
	const looking, looks = 10 * time.Second, 4
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_MEMORY_LIMIT="}})
	s.must(s.Start(t.Context()))
	s.must(s.Reload(t.Context()))
	pid, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)
	perSecond := 0.0
	for range looks { // what a roll leaves to do takes a while
		before := s.wakeUps(pid)
		time.Sleep(looking)
		perSecond = float64(s.wakeUps(pid)-before) / looking.Seconds()
		t.Logf("the activator of %d idle workers wakes %.1f times a second", workers, perSecond)
		if perSecond <= 1 {
			return
		}
	}
	t.Errorf("the activator of %d idle workers wakes %.1f times a second, want at most once", workers, perSecond)
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

// An activator that is out of descriptors waits, as do those who come to it, and
// goes on when there are some again. The workers need none of its.
func TestOutOfDescriptors(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	pid, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)
	limit := func(descriptors string) {
		_, err := s.Run(t.Context(), "prlimit", "--pid", strconv.Itoa(pid), "--nofile="+descriptors)
		s.must(err)
	}
	s.lossless(s.under(load.PerRequest, func() {
		limit("3:")
		s.systemctl("reload", "--no-block", site.Target)
		// Its reload comes over the control socket, and waits there.
		s.eventually("the reload is asked for", func() bool { return s.state(site.Activator) == "reloading" })
		if got := s.told("rollout-started"); len(got) != 0 {
			t.Errorf("the journal has %+v: it accepted without a descriptor", got)
		}
		limit("1024:")
		s.eventually("the reload is done", func() bool { return len(s.told("rollout-finished")) == 1 })
	}))
	s.replaced(old)
	if now, err := s.MainPID(t.Context(), site.Activator); err != nil || now != pid {
		t.Errorf("the activator is %d, %v; want %d", now, err, pid)
	}
}

// A full disk takes the logs of the workers, and nothing else.
func TestFullDisk(t *testing.T) {
	s := boot(t, four)
	const logs = "/var/log/full"
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/logs.conf", "[Service]\nStandardOutput=append:"+logs+"/out.log\nStandardError=append:"+logs+"/out.log\n"))
	_, err := s.Run(t.Context(), "sh", "-c", "mkdir -p "+logs+" && mount -t tmpfs -o size=64k none "+logs+" && touch "+logs+"/out.log && cat /dev/zero >"+logs+"/rest; systemctl daemon-reload")
	s.must(err)
	if _, err := s.Run(t.Context(), "sh", "-c", "echo more >"+logs+"/more"); err == nil {
		t.Fatal("the disk is not full")
	}
	s.must(s.Deploy(site.Chatty))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.lossless(s.under(load.KeepAlive, func() {
		s.must(s.Reload(t.Context()))
		s.must(s.Kill(t.Context(), site.Activator, "KILL"))
		s.settled()
	}))
	s.replaced(old)
}
