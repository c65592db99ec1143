package test

import (
	"context"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// httpSock is where the app listens, as behind nginx.
const httpSock = "/run/my-api/http.sock"

// bootUnix boots a site whose app listens on a path and nowhere else, and
// starts it.
func bootUnix(t *testing.T) scenario {
	t.Helper()
	s := boot(t, four)
	s.must(s.WriteFile("/etc/systemd/system/my-api.socket.d/unix.conf",
		"[Socket]\nListenStream=\nListenStream="+httpSock+"\nSocketMode=0660\nRemoveOnStop=yes\n"))
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/unix.conf", "[Service]\nEnvironment=PORT="+httpSock+"\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))
	return s
}

// overUnix is a load on the app's socket.
func (s scenario) overUnix(p load.Profile) load.Client {
	client := s.Client(p)
	client.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return s.DialUnix(ctx, httpSock) }
	return client
}

func TestUnixSocket(t *testing.T) {
	for _, profile := range load.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			s := bootUnix(t)
			old := s.exactly(workers)
			running := s.overUnix(profile).Start(t.Context())
			for range 3 {
				before := s.pids()
				s.must(s.Reload(t.Context()))
				s.replaced(before)
			}
			reloaded := s.pids()
			for range 3 {
				s.killActivator()
			}
			if now := s.settled(); !maps.Equal(now, reloaded) {
				t.Errorf("workers are %v, want those from before the kills %v", now, reloaded)
			}
			s.systemctl("restart", site.Target)
			s.settled()
			s.replaced(reloaded)
			r, err := running.Stop()
			s.must(err)
			t.Logf("%s; the longest took %s", r, r.Longest)
			s.lossless(r)
			// Not each need have: on a busy machine few of these connections may come to one.
			before := 0
			for _, pid := range old {
				before += r.PIDs[pid]
			}
			if before == 0 {
				t.Errorf("nobody answered before the reload: %v", r.PIDs)
			}
		})
	}
}

// Connections go to each worker in turn, and those of a stopped one to others.
func TestUnixSocketSpread(t *testing.T) {
	s := bootUnix(t)
	s.exactly(workers)
	got := map[int]int{}
	ask := func() int {
		t.Helper()
		conn, err := s.DialUnix(t.Context(), httpSock)
		s.must(err)
		t.Cleanup(func() { conn.Close() })
		pid, err := s.AskOn(t.Context(), conn, "/api/v1/hello")
		s.must(err)
		return pid
	}
	for range 64 {
		got[ask()]++
	}
	// Two may have a turn at once, and the first to wake takes it.
	if counts := slices.Sorted(maps.Values(got)); len(counts) != workers || counts[0] < 10 || counts[workers-1] > 22 {
		t.Errorf("64 connections went %v, want about 16 to each of 4 workers", counts)
	} else {
		t.Logf("64 connections went %v", counts)
	}

	// What is on its way to a worker that hangs is given to another when it dies.
	hangs := site.Instance(2)
	s.must(s.Kill(t.Context(), hangs, "STOP"))
	s.killAsked(hangs, func(ctx context.Context) (net.Conn, error) { return s.DialUnix(ctx, httpSock) })
}
