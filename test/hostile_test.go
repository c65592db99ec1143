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
func TestWhoMaySpeakForAWorker(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	tests := map[string]struct {
		line   string
		child  bool // of the worker: it is in the unit, too
		answer string
	}{
		"a wrong instance":             {`{"gopm":"exec","instance":7,"invocation":"` + id + `"}`, false, "may not speak for my-api@7.service"},
		"no instance":                  {`{"gopm":"wait","instance":-1,"invocation":"` + id + `"}`, false, "may not speak for my-api@-1.service"},
		"a drain of another":           {`{"gopm":"drain","instance":9,"invocation":"` + id + `"}`, false, "may not speak for my-api@9.service"},
		"another run":                  {`{"gopm":"exec","instance":@INSTANCE@,"invocation":"` + id + `"}`, false, "speaks for another run"},
		"a second connection":          {`{"gopm":"exec","instance":@INSTANCE@,"invocation":"@RUN@"}`, false, "has its channel already; a second one is refused"},
		"a child's connection":         {`{"gopm":"exec","instance":@INSTANCE@,"invocation":"@RUN@"}`, true, "is not its main process"},
		"a second one in another mode": {`{"gopm":"exec","instance":@INSTANCE@,"invocation":"@RUN@","fork":true}`, false, "its activator runs in cluster mode"},
		"a reload":                     {`{"gopm":"reload"}`, false, "reload is for uid 0 only"},
		"a message":                    {`{"gopm":"send","all":true,"data":"x"}`, false, "send is for uid 0 only"},
		"a look":                       {`{"gopm":"status"}`, false, "denied: the status is for uid 0 and members of systemd-journal, adm, wheel, not for uid "},
		"a line for systemd":           {`{"gopm":"exec","instance":@INSTANCE@,"invocation":"x\nMAINPID=1\nSTATUS=hacked"}`, false, "speaks for another run"},
		"another verb":                 {`{"gopm":"become root"}`, false, "which is unknown"},
		"garbage":                      {"\x00\xff", false, "client's line is not a request"},
		"a line without an end":        {strings.Repeat("x", 8000), false, "client sent no whole line"},
	}
	s := boot(t, four)
	s.must(s.Deploy(site.Hostile))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	activator, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)

	s.lossless(s.under(load.KeepAlive, func() {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				query := url.Values{"line": {test.line}}
				if !strings.HasPrefix(name, "a line without") {
					query.Set("line", test.line+"\n")
				}
				if test.child {
					query.Set("child", "yes")
				}
				if answer := s.get("http://" + site.Address + "/control?" + query.Encode()); !strings.Contains(answer, test.answer) {
					t.Errorf("the activator answers %s, want %q", answer, test.answer)
				}
			})
		}
		// gopm's own program, with an INVOCATION_ID of systemd's.
		for name, who := range map[string]string{"another user": "nobody", "another unit": "root"} {
			t.Run(name, func(t *testing.T) {
				unit := strings.ReplaceAll(name, " ", "-") + ".service"
				_, err := s.Run(t.Context(), "systemd-run", "--quiet", "--wait", "--pipe", "--unit="+unit, "--uid="+who,
					"gopm-activator", "exec", "my-api", "0", "--", "/bin/true")
				if want := " of " + unit + " may not speak for my-api@0.service"; err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("exec says %v, want %q", err, want)
				}
			})
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
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	for name, test := range tests {
		// Whoever types gopm ls looks, and there is no harm in it.
		want := name != "a look"
		if told := strings.Contains(journal, "control socket: ") && strings.Contains(journal, test.answer); told != want {
			t.Errorf("the journal tells of %s: %v, want %v", name, told, want)
		}
	}
}

func TestGarbageOnAChannelEndsOneWorker(t *testing.T) {
	s := boot(t, four)
	s.must(s.Start(t.Context()))
	s.endsAlone()
}

// endsAlone: garbage on a channel ends that worker, and no other.
func (s scenario) endsAlone() {
	s.t.Helper()
	s.must(s.Deploy(site.Hostile))
	s.reload()
	old := s.settled()
	s.get("http://" + site.Address + "/channel?line=" + url.QueryEscape("{\"cmd\":\"NODE_CLUSTER\",\"port\":\"x\"}\n"))
	replaced := s.anew(old)
	journal, err := s.Journal(s.t.Context(), site.Activator)
	s.must(err)
	if want := replaced + ": channel closed, which ends the worker: parse message"; !strings.Contains(journal, want) {
		s.t.Errorf("the journal lacks %q:\n%s", want, journal)
	}
	s.good()
}

// anew waits until one worker has been started anew, and returns it.
func (s scenario) anew(old map[string]int) string {
	s.t.Helper()
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
		s.t.Fatalf("%v were replaced, want one", replaced)
	}
	return replaced[0]
}

// A worker that sends as much as it can and never reads is ended when its channel
// is full, though it cannot notice, and the others are as they were.
func TestFloodingWorkerEndsAlone(t *testing.T) {
	s := boot(t, four)
	s.must(s.Deploy(site.Hostile))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	s.get("http://" + site.Address + "/flood")
	flooding := s.anew(old)
	s.settled()
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	for _, want := range []string{
		flooding + " may not listen on port 22: a port below 1024 must be declared",
		flooding + ": channel closed, which ends the worker: send: worker does not read its channel",
		flooding + " lives on without its channel, and gets SIGINT",
	} {
		if !strings.Contains(journal, want) {
			t.Errorf("the journal lacks %q:\n%s", want, journal)
		}
	}
	if n := strings.Count(journal, "may not listen"); n > 200 {
		t.Errorf("the journal has %d lines of its asking", n)
	}
	s.lossless(s.under(load.PerRequest, func() { s.must(s.Reload(t.Context())) }))
	s.replaced(old)
}
