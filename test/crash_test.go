package test

import (
	"context"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// settled waits until exactly the workers that there should be are ready, and
// the activator is.
func (s scenario) settled() map[string]int {
	s.t.Helper()
	s.eventually("the app is settled", func() bool {
		pids, err := s.PIDs()
		if err != nil || !slices.Equal(sorted(pids), site.Instances(workers)) {
			return false
		}
		for unit := range pids {
			if s.state(unit) != "active" {
				return false
			}
		}
		return s.state(site.Activator) == "active"
	})
	return s.pids()
}

// killActivator kills it and waits for the next.
func (s scenario) killActivator() {
	s.t.Helper()
	before, err := s.MainPID(s.t.Context(), site.Activator)
	s.must(err)
	s.must(s.Kill(s.t.Context(), site.Activator, "KILL"))
	s.eventually("another activator is there", func() bool {
		pid, err := s.MainPID(s.t.Context(), site.Activator)
		s.must(err)
		return pid != 0 && pid != before && s.state(site.Activator) == "active"
	})
}

// killAsked asks on many connections, kills a worker that hangs, and checks that
// each is answered all the same.
func (s scenario) killAsked(hanging string, dial func(context.Context) (net.Conn, error)) {
	s.t.Helper()
	s.askAtOnce(dial, func(ctx context.Context) { s.must(s.Kill(ctx, hanging, "KILL")) })
	s.settled()
}

// askAtOnce asks on many connections, has something done, and checks that each is
// answered.
func (s scenario) askAtOnce(dial func(context.Context) (net.Conn, error), do func(context.Context)) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	const connections = 4 * workers
	var open []net.Conn
	for range connections {
		conn, err := dial(ctx)
		s.must(err)
		defer conn.Close()
		open = append(open, conn)
	}
	answers := make(chan error, connections)
	for _, conn := range open {
		go func() {
			_, err := s.AskOn(ctx, conn, "/api/v1/hello")
			answers <- err
		}()
	}
	do(ctx)
	for range connections {
		if err := <-answers; err != nil {
			s.t.Errorf("a request wasn't answered: %v", err)
		}
	}
}

// dialPort connects to the app's port.
func (s scenario) dialPort(ctx context.Context) (net.Conn, error) {
	return s.Dial(ctx, "tcp", site.Address)
}

func TestActivatorKilled(t *testing.T) {
	for _, profile := range load.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			s := boot(t, four)
			s.must(s.Start(t.Context()))
			old := s.exactly(workers)
			r := s.under(profile, func() {
				for range 3 {
					s.killActivator()
				}
			})
			s.lossless(r)
			if now := s.settled(); !maps.Equal(now, old) {
				t.Errorf("workers are %v, want the old ones %v", now, old)
			}
			// The one that took over can do what the first could.
			s.spread()
			s.must(s.Reload(t.Context()))
			s.replaced(old)
			s.spread()
		})
	}
}

func TestActivatorRestarted(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	r := s.under(load.PerRequest, func() {
		for range 3 {
			s.systemctl("restart", site.Activator)
		}
	})
	s.lossless(r)
	if now := s.settled(); !maps.Equal(now, old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	s.spread()
	s.must(s.Reload(t.Context()))
	s.replaced(old)
}

// What is under way inside a worker is lost with it, and nothing else.
func TestWorkerKilled(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	killed := site.Instance(1)
	r := s.under(load.PerRequest, func() {
		s.must(s.Kill(t.Context(), killed, "KILL"))
		s.eventually("the worker is back", func() bool {
			pids, err := s.PIDs()
			return err == nil && pids[killed] != 0 && pids[killed] != old[killed] && s.state(killed) == "active"
		})
	})
	const underWay = 16 // as many connections as under makes
	if r.Failures() > underWay {
		t.Errorf("%s, want at most %d failed", r, underWay)
	}
	// wrk's words for a connection that ended early are among them.
	for what, n := range r.Failed {
		if n > 0 && !slices.Contains([]string{"reset", "closed", "read", "write"}, what) {
			t.Errorf("%d requests failed with %s: they were not under way in the worker", n, what)
		}
	}
	now := s.exactly(workers)
	for unit, pid := range old {
		if unit != killed && now[unit] != pid {
			t.Errorf("%s was %d and is %d, but %s was killed", unit, pid, now[unit], killed)
		}
	}
	restarts, err := s.Property(t.Context(), killed, "NRestarts")
	s.must(err)
	if restarts != "1" {
		t.Errorf("systemd restarted %s %s times, want 1", killed, restarts)
	}
}

// Connections that a worker never accepted are answered by others.
func TestConnectionsQueuedToKilledWorker(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	s.exactly(workers)
	s.killsStopped()
}

// killsStopped kills a worker that accepts nothing.
func (s scenario) killsStopped() {
	s.t.Helper()
	stopped := site.Instance(2)
	s.must(s.Kill(s.t.Context(), stopped, "STOP"))
	s.killAsked(stopped, s.dialPort)
}
