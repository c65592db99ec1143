package test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
	"github.com/gopm/gopm/test/site"
)

var (
	soakTime = flag.Duration("soak", 30*time.Second, "how long TestSoak takes")
	soakSeed = flag.Uint64("seed", 4, "from which TestSoak draws what it does")
)

// soak is a site under all kinds of load, to which things happen.
type soak struct {
	scenario
	random *rand.Rand
	done   map[string]int // how often what was done
	crowds load.Result    // what happened to those who came all at once
	// killed are the ports of those who had a connection inside a worker when it
	// was killed, and in how many workers that was.
	killed map[int]int
}

// A deed is one of the things that happen. It has happened when it returns, but
// for a reload that nobody waits for.
type deed struct {
	name string
	do   func(*soak)
}

// deeds are those that no request may notice.
var deeds = []deed{
	{"reload", (*soak).reload},
	{"reload begun", func(s *soak) { s.systemctl("reload", "--no-block", site.Target) }},
	{"reload begun", func(s *soak) { s.systemctl("reload", "--no-block", site.Target) }},
	{"activator killed", (*soak).killOneActivator},
	{"activator restarted", func(s *soak) { s.systemctl("restart", site.Activator) }},
	{"daemon-reload", func(s *soak) { s.systemctl("daemon-reload") }},
	{"daemon-reexec", func(s *soak) { s.systemctl("daemon-reexec") }},
	{"a crowd came", (*soak).gather},
}

// TestSoak has things happen to an app, drawn from a seed, and accounts for each
// request.
func TestSoak(t *testing.T) {
	for name, happens := range map[string][]deed{
		"no worker dies": deeds,
		"workers die":    append(slices.Clone(deeds), deed{"worker killed", (*soak).killWorker}, deed{"worker killed", (*soak).killWorker}),
	} {
		t.Run(name, func(t *testing.T) { soakWith(t, happens) })
	}
}

func soakWith(t *testing.T, happens []deed) {
	t.Logf("go test -run '%s' ./test -seed=%d -soak=%s", t.Name(), *soakSeed, *soakTime)
	s := &soak{
		scenario: boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_SETTLE_TIME=200"}}),
		random:   rand.New(rand.NewPCG(*soakSeed, 0)),
		done:     map[string]int{},
		killed:   map[int]int{},
	}
	// Killed as often as here, a worker would be given up otherwise.
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/soak.conf", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=200ms\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))
	var loads []*load.Running
	// Not so many that they leave no time for what happens.
	for profile, connections := range map[load.Profile]int{load.KeepAlive: 2, load.PerRequest: 2, load.Slow: 12} {
		client := s.Client(profile)
		client.Connections = connections
		loads = append(loads, client.Start(t.Context()))
	}
	for end := time.Now().Add(*soakTime / 2); time.Now().Before(end); {
		deed := happens[s.random.IntN(len(happens))]
		time.Sleep(time.Duration(s.random.IntN(1000)) * time.Millisecond)
		deed.do(s)
		s.done[deed.name]++
	}
	s.settled()
	sum := s.crowds
	for _, running := range loads {
		r, err := running.Stop()
		s.must(err)
		sum = sum.Add(r)
	}
	t.Logf("%v: %s", s.done, sum)
	s.accounts(sum)

	before := s.settled()
	_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
	s.must(err)
	s.replaced(before)
	s.spread()
}

// accounts checks that each failure was of a connection inside a worker that was
// killed, and that each of those failed once at most.
func (s *soak) accounts(r load.Result) {
	s.t.Helper()
	s.t.Logf("of %d connections inside killed workers, %d failed", len(s.killed), len(r.Lost))
	if r.Answered == 0 {
		s.t.Error("no request was answered")
	}
	unaccounted := 0
	left := maps.Clone(s.killed)
	for _, port := range r.Lost {
		if left[port]--; left[port] < 0 {
			unaccounted++
		}
	}
	if unaccounted > 0 {
		s.t.Errorf("%d requests failed that were in no worker that was killed: %s\n%s", unaccounted, r, strings.Join(r.Examples, "\n"))
	}
	for what, n := range r.Failed {
		if n > 0 && what != "reset" && what != "closed" {
			s.t.Errorf("%d requests failed with %s, want only reset or closed", n, what)
		}
	}
}

// reload replaces every worker. That may fail where one of them was just killed.
func (s *soak) reload() {
	_, err := s.Run(s.t.Context(), "gopm-activator", "reload", "my-api")
	if err != nil && s.done["worker killed"] == 0 {
		s.t.Errorf("reload: %v", err)
	}
}

// gather has many come at once, and go when each was answered.
func (s *soak) gather() {
	client := s.Client(load.PerRequest)
	client.Connections = 64
	crowd := client.Start(s.t.Context())
	time.Sleep(100 * time.Millisecond)
	r, err := crowd.Stop()
	s.must(err)
	s.crowds = s.crowds.Add(r)
}

// killOneActivator does not wait for the next, nor for the one after a kill.
func (s *soak) killOneActivator() {
	pid, err := s.MainPID(s.t.Context(), site.Activator)
	s.must(err)
	if pid == 0 {
		return
	}
	if victim, err := s.Victim(site.Activator, pid); err == nil {
		s.must(victim.Kill())
	}
}

// killWorker kills one of the workers.
func (s *soak) killWorker() {
	processes, err := s.Processes(site.Workers)
	s.must(err)
	s.killOne(processes)
}

// killOne kills one of some workers. Stopped first, it accepts nothing while
// we look at what it has.
func (s *soak) killOne(processes []machine.Process) {
	var names []string
	for _, p := range processes {
		if p.Name == "node" {
			names = append(names, fmt.Sprint(p.Unit, " ", p.PID))
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	var unit string
	var pid int
	_, err := fmt.Sscan(names[s.random.IntN(len(names))], &unit, &pid)
	s.must(err)
	victim, err := s.Victim(unit, pid)
	if err == nil {
		err = victim.Stop()
	}
	if err != nil {
		return // it ended meanwhile
	}
	ports, err := victim.Callers()
	s.must(err)
	for _, port := range ports {
		s.killed[port]++
	}
	s.must(victim.Kill())
}
