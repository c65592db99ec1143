package test

import (
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestStart(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	pids := s.exactly(workers)

	// curl, as anyone would look first: each run is a connection.
	answered := map[string]int{}
	for range 2 * workers {
		cmd := s.NetCommand(t.Context(), "curl", "--silent", "--show-error", "--fail", "http://"+site.Address+"/api/v1/hello")
		out, err := cmd.Output()
		s.must(err)
		answered[string(out)]++
	}
	want := map[string]int{}
	for _, pid := range pids {
		want[fmt.Sprintf(`{"hello":"world","pid":%d}`, pid)] = 2
	}
	if !maps.Equal(answered, want) {
		t.Errorf("curl got %v, want %v", answered, want)
	}
}

// The kernel's selector gives each connection to the next worker, also where
// each comes so late that all workers are idle.
func TestConnectionsSpread(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	s.exactly(workers)

	s.spread()
}

// spread checks that connections go to each worker in turn.
func (s scenario) spread() {
	s.t.Helper()
	const connections = 64
	got := map[int]int{}
	var kept []net.Conn
	defer func() {
		for _, conn := range kept {
			conn.Close()
		}
	}()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for range connections {
		pid, conn, err := s.Ask(s.t.Context(), "/api/v1/hello")
		s.must(err)
		got[pid]++
		kept = append(kept, conn)
		<-every.C
	}
	// A worker that was late for one connection, as on a busy machine, gets the next
	// one later.
	counts := slices.Sorted(maps.Values(got))
	if len(counts) != workers || counts[0] < 12 || counts[workers-1] > 20 {
		s.t.Errorf("64 connections went %v, want about 16 to each of 4 workers", counts)
	}
	s.t.Logf("64 connections went %v", counts)
}

func TestStartMax(t *testing.T) {
	s := boot(t, site.Options{})
	s.must(s.Start(t.Context()))
	s.exactly(runtime.NumCPU())
}

func TestFirstConnectionStartsEverything(t *testing.T) {
	s := boot(t, four)
	s.systemctl("start", site.Socket)
	if got := s.state(site.Activator); got != "inactive" {
		t.Fatalf("before the first connection the activator is %s", got)
	}
	_, conn, err := s.Ask(t.Context(), "/api/v1/hello")
	s.must(err)
	s.must(conn.Close())
	// Waits for the start that the connection began.
	s.must(s.Start(t.Context()))
	s.exactly(workers)
}

// A client that comes while the app starts waits; it isn't refused.
func TestStartUnderLoad(t *testing.T) {
	s := boot(t, four)
	s.systemctl("start", site.Socket)
	client := s.Client(load.PerRequest)
	running := client.Start(t.Context())
	s.must(s.Start(t.Context()))
	r, err := running.Stop()
	s.must(err)
	s.lossless(r)
}

// systemd-analyze exits with 0 where it doesn't know a directive: any line it
// prints is a failure.
func TestUnitsVerify(t *testing.T) {
	for _, debian := range []string{"", "trixie"} {
		t.Run("debian="+debian, func(t *testing.T) {
			s := boot(t, site.Options{Debian: debian})
			out, err := s.Run(t.Context(), "sh", "-c", "systemd-analyze verify "+
				"my-api.target my-api.socket my-api@0.service my-api-update.service "+
				"gopm-activator@my-api.service gopm-activator@my-api.socket 2>&1")
			s.must(err)
			if out != "" {
				t.Errorf("systemd-analyze verify prints:\n%s", out)
			}
		})
	}
}
