package test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestMemoryLimit(t *testing.T) {
	o := site.Options{Activator: []string{"GOPM_INSTANCES=4", "GOPM_MEMORY_LIMIT=" + strconv.Itoa(250<<20)}}
	s := boot(t, o)
	s.must(s.Deploy(site.Leaky))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	r := s.under(load.KeepAlive, func() {
		// One connection is one worker.
		leaking, conn, err := s.Ask(t.Context(), "/api/v1/leak")
		s.must(err)
		for range 3 {
			_, err := s.AskOn(t.Context(), conn, "/api/v1/leak")
			s.must(err)
		}
		s.must(conn.Close())
		var unit string
		for name, pid := range old {
			if pid == leaking {
				unit = name
			}
		}
		s.eventually("the worker with the leak was replaced", func() bool {
			pids, err := s.PIDs()
			return err == nil && pids[unit] != leaking && slices.Equal(sorted(pids), site.Instances(workers))
		})
		now := s.settled()
		for name, pid := range old {
			if (now[name] == pid) == (name == unit) {
				t.Errorf("%s was %d and is %d, but only %s leaked", name, pid, now[name], unit)
			}
		}
		journal, err := s.Journal(t.Context(), unit)
		s.must(err)
		if strings.Contains(journal, "status=9/KILL") || strings.Contains(journal, "Failed with result") {
			t.Errorf("the worker was killed, not replaced:\n%s", journal)
		}
		if got := s.told("memory-limit"); len(got) != 1 || site.Activator != got[0].Unit {
			t.Errorf("the journal has %+v for the limit, want one line", got)
		}
	})
	s.lossless(r)
}

// aim is what the activator may take in memory that is its alone, by share, and restAim what
// it may when it rests.
const aim, restAim = 10 << 20, 6 << 20

func TestActivatorMemory(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	s.lossless(s.under(load.KeepAlive, func() { s.must(s.Reload(t.Context())) }))
	pid, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)
	read := func(file, name string) int {
		text, err := s.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		s.must(err)
		return kilobytes(t, text, name)
	}
	anonymous, share := read("status", "RssAnon"), read("smaps_rollup", "Pss")
	t.Logf("the activator of %d workers, after a reload: RssAnon %d kB, PSS %d kB", workers, anonymous, share)
	if share<<10 > aim {
		t.Errorf("the activator's PSS is %d kB, want at most %d kB", share, aim>>10)
	}
	var rested int
	s.eventually(fmt.Sprintf("its PSS is at most %d kB, as it rests", restAim>>10), func() bool {
		rested = read("smaps_rollup", "Pss")
		return rested<<10 <= restAim
	})
	t.Logf("when it rests: RssAnon %d kB, PSS %d kB", read("status", "RssAnon"), rested)
}

// kilobytes reads a line such as "Pss:   1234 kB".
func kilobytes(t *testing.T, text, name string) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in:\n%s", name, text)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
