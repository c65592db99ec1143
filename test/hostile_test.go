package test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// A worker may speak for itself only, and what it says must not reach systemd.
func TestWorkerCannotSpeakForOthers(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	tests := map[string]struct{ line, answer string }{
		"another instance":      {`{"gopm":"exec","instance":7,"invocation":"` + id + `"}`, "may not speak for my-api@7.service"},
		"a drain of another":    {`{"gopm":"drain","instance":9,"invocation":"` + id + `"}`, "may not speak for my-api@9.service"},
		"a reload":              {`{"gopm":"reload"}`, "reload is for uid 0 only"},
		"a line for systemd":    {`{"gopm":"exec","instance":0,"invocation":"x\nMAINPID=1\nSTATUS=hacked"}`, "may not speak for my-api@0.service|has no invocation's ID"},
		"another verb":          {`{"gopm":"become root"}`, "which is unknown"},
		"garbage":               {"\x00\xff", "client's line is not a request"},
		"a line without an end": {strings.Repeat("x", 8000), "client sent no whole line"},
	}
	s := boot(t, four)
	s.must(s.Deploy(site.Hostile))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	activator, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)

	s.lossless(s.under(load.KeepAlive, func() {
		for name, test := range tests {
			line := test.line
			if !strings.HasPrefix(name, "a line without") {
				line += "\n"
			}
			answer := s.get("http://" + site.Address + "/control?line=" + url.QueryEscape(line))
			said := false
			for _, want := range strings.Split(test.answer, "|") {
				said = said || strings.Contains(answer, want)
			}
			if !said {
				t.Errorf("%s: the activator answers %s, want %q", name, answer, test.answer)
			}
		}
	}))
	if now := s.exactly(workers); fmt.Sprint(now) != fmt.Sprint(old) {
		t.Errorf("workers are %v, want the old ones %v", now, old)
	}
	if now, err := s.MainPID(t.Context(), site.Activator); err != nil || now != activator {
		t.Errorf("the activator is %d, %v; want %d", now, err, activator)
	}
	if status, err := s.Property(t.Context(), site.Activator, "StatusText"); err != nil || status != "4 of 4 workers ready" {
		t.Errorf("the activator's status is %q, %v", status, err)
	}
}

// Garbage on a channel ends that worker, and no other.
func TestGarbageOnAChannelEndsOneWorker(t *testing.T) {
	s := boot(t, four)
	s.must(s.Deploy(site.Hostile))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.get("http://" + site.Address + "/channel?line=" + url.QueryEscape("{\"cmd\":\"NODE_CLUSTER\",\"port\":\"x\"}\n"))
	var replaced []string
	s.eventually("one worker has been started anew", func() bool {
		pids, err := s.PIDs()
		if err != nil || len(pids) != workers {
			return false
		}
		replaced = nil
		for unit, pid := range pids {
			if old[unit] != pid {
				replaced = append(replaced, unit)
			}
		}
		return len(replaced) > 0
	})
	if len(replaced) != 1 {
		t.Errorf("%v were replaced, want one", replaced)
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	if want := replaced[0] + ": channel closed, which ends the worker: parse message"; !strings.Contains(journal, want) {
		t.Errorf("the journal lacks %q:\n%s", want, journal)
	}
}
