package test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/test/site"
)

// entry is what alerts can match on in a line of the journal.
type entry struct {
	App      string `json:"GOPM_APP"`
	Instance string `json:"GOPM_INSTANCE"`
	Event    string `json:"GOPM_EVENT"`
	Unit     string `json:"_SYSTEMD_UNIT"`
	Priority string `json:"PRIORITY"`
	Who      string `json:"SYSLOG_IDENTIFIER"`
}

// told are the lines of an event, found by its MESSAGE_ID.
func (s scenario) told(event string) []entry {
	s.t.Helper()
	for id, name := range activator.Events() {
		if name != event {
			continue
		}
		out, err := s.Run(s.t.Context(), "journalctl", "--boot", "--output=json", "MESSAGE_ID="+id)
		s.must(err)
		var entries []entry
		for line := range strings.Lines(out) {
			var e entry
			s.must(json.Unmarshal([]byte(line), &e))
			entries = append(entries, e)
		}
		return entries
	}
	s.t.Fatalf("there is no event %s", event)
	return nil
}

func TestJournalFields(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	killed := site.Instance(1)
	s.must(s.Kill(t.Context(), killed, "KILL"))
	s.eventually("the worker is back", func() bool {
		pids, err := s.PIDs()
		return err == nil && pids[killed] != 0 && pids[killed] != old[killed] && s.state(killed) == "active"
	})
	s.must(s.Reload(t.Context()))
	s.must(s.Deploy(site.Broken))
	s.must(s.Reload(t.Context()))

	line := func(event, instance, priority string) entry {
		return entry{"my-api", instance, event, site.Activator, priority, "gopm-activator"}
	}
	want := map[string][]entry{
		"worker-crashed":   {line("worker-crashed", "1", "4")},
		"rollout-started":  {line("rollout-started", "", "6"), line("rollout-started", "", "6")},
		"rollout-finished": {line("rollout-finished", "", "6")},
		"rollout-aborted":  {line("rollout-aborted", "", "3")},
		"canary-failed":    {line("canary-failed", "4", "3")},
	}
	for event, entries := range want {
		s.eventually("the journal has "+event, func() bool { return len(s.told(event)) >= len(entries) })
		// A broken canary that was connected has crashed, too.
		got := s.told(event)
		if event == "worker-crashed" {
			got = slices.DeleteFunc(got, func(e entry) bool { return e.Instance == "4" })
		}
		if !slices.Equal(got, entries) {
			t.Errorf("%s: the journal has %+v, want %+v", event, got, entries)
		}
	}
	// Lines without an event say whose they are.
	out, err := s.Run(t.Context(), "journalctl", "--boot", "--output=json", "GOPM_APP=my-api", "GOPM_INSTANCE=2")
	s.must(err)
	if !strings.Contains(out, "my-api@2.service is ready") {
		t.Errorf("no line about instance 2 is found by GOPM_INSTANCE:\n%s", out)
	}
	if names := slices.Collect(maps.Values(activator.Events())); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("two events have one name: %v", names)
	}
}
