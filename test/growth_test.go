package test

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

var (
	reloadCount = flag.Int("reloads", 10, "how often TestReloadsLeaveNothing reloads")
	workerCount = flag.Int("workers", 24, "how many workers TestManyWorkers has")
)

// A footprint is what an app's activator, and systemd for it, keep.
type footprint struct {
	Descriptors, Stored, Units int
	RssAnon, PSS               int // of the activator, in kB
}

func (s scenario) footprint() footprint {
	s.t.Helper()
	pid, err := s.MainPID(s.t.Context(), site.Activator)
	s.must(err)
	status, err := s.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	s.must(err)
	rollup, err := s.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	s.must(err)
	stored, err := s.Property(s.t.Context(), site.Activator, "NFileDescriptorStore")
	s.must(err)
	f := footprint{
		Descriptors: len(strings.Fields(s.shell(fmt.Sprintf("ls /proc/%d/fd", pid)))),
		Units:       strings.Count(s.systemctl("list-units", "--all", "--plain", "--no-legend"), "\n"),
		RssAnon:     kilobytes(s.t, status, "RssAnon"),
		PSS:         kilobytes(s.t, rollup, "Pss"),
	}
	f.Stored, err = strconv.Atoi(stored)
	s.must(err)
	return f
}

// However often an app is reloaded, nothing of that stays.
func TestReloadsLeaveNothing(t *testing.T) {
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=2", "GOPM_SETTLE_TIME=0"}})
	s.must(s.Deploy(site.Light))
	s.must(s.Start(t.Context()))
	client := s.Client(load.PerRequest)
	client.Connections = 2
	running := client.Start(t.Context())
	reload := func(times int) {
		for range times {
			_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
			s.must(err)
		}
		s.settledTo(2)
	}
	reload(3)
	first := s.footprint()
	begun := time.Now()
	reload(*reloadCount)
	took := time.Since(begun)
	last := s.footprint()
	r, err := running.Stop()
	s.must(err)
	s.lossless(r)
	t.Logf("%d reloads, %s each: %s; %+v, then %+v", *reloadCount, (took / time.Duration(*reloadCount)).Round(time.Millisecond), r, first, last)

	// Go's heap breathes; a leak of a page for each reload is more than this for a
	// hundred of them. Memory is given back a moment after a reload.
	const slack = 400
	s.eventually(fmt.Sprintf("RssAnon, which was %d kB, is at most %d kB more after %d reloads", first.RssAnon, slack, *reloadCount), func() bool {
		last = s.footprint()
		return last.RssAnon <= first.RssAnon+slack
	})
	// A client's connection that ends may still be open in a look.
	s.eventually(fmt.Sprintf("there are no more than %+v again", first), func() bool {
		last = s.footprint()
		return last.Descriptors <= first.Descriptors && last.Stored == first.Stored && last.Units <= first.Units
	})
}

// One activator has as many workers as a large machine has CPUs.
func TestManyWorkers(t *testing.T) {
	n := *workerCount
	s := boot(t, site.Options{Activator: []string{fmt.Sprintf("GOPM_INSTANCES=%d", n)}})
	s.must(s.Deploy(site.Light))
	begun := time.Now()
	s.must(s.Start(t.Context()))
	t.Logf("%d workers started in %s", n, time.Since(begun).Round(10*time.Millisecond))
	old := s.settledTo(n)
	client := s.Client(load.Slow)
	client.Connections = 2 * n
	running := client.Start(t.Context())
	begun = time.Now()
	s.systemctl("reload", "--no-block", site.Target)
	s.within(time.Duration(n)*10*time.Second, "every worker is replaced", func() bool { return len(s.told("rollout-finished")) == 1 })
	t.Logf("reloaded in %s", time.Since(begun).Round(10*time.Millisecond))
	now := s.settledTo(n)
	for unit, pid := range now {
		if old[unit] == pid {
			t.Errorf("%s is process %d after the reload too", unit, pid)
		}
	}
	f := s.footprint()
	s.killActivator()
	after := s.settledTo(n)
	for unit, pid := range after {
		if now[unit] != pid {
			t.Errorf("%s was process %d and is %d after the activator was killed", unit, now[unit], pid)
		}
	}
	successor := s.footprint()
	r, err := running.Stop()
	s.must(err)
	s.lossless(r)
	t.Logf("%s; %+v, its successor %+v", r, f, successor)
	shares := 0
	for _, pid := range after {
		rollup, err := s.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		s.must(err)
		shares += kilobytes(t, rollup, "Pss")
	}
	t.Logf("for each worker the activator has %d kB (RssAnon), and the worker itself %d kB (PSS)", f.RssAnon/n, shares/n)
	if f.PSS<<10 > aim+n<<16 {
		t.Errorf("the activator's PSS is %d kB, want at most %d kB and 64 kB for each worker", f.PSS, aim>>10)
	}
}
