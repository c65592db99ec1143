package runner

import (
	"slices"
	"testing"
	"time"

	"github.com/gopm/gopm/units"
)

func TestPause(t *testing.T) {
	steps := &spec{delay: 100 * time.Millisecond, mostDelay: 1600 * time.Millisecond, steps: 4}
	plain := &spec{delay: 2 * time.Second}
	for _, test := range []struct {
		spec *spec
		nth  int
		want time.Duration
	}{
		{plain, 1, 2 * time.Second},
		{plain, 99, 2 * time.Second},
		{steps, 1, 100 * time.Millisecond},
		{steps, 2, 200 * time.Millisecond},
		{steps, 3, 400 * time.Millisecond},
		{steps, 4, 800 * time.Millisecond},
		{steps, 5, 1600 * time.Millisecond},
		{steps, 6, 1600 * time.Millisecond},
	} {
		if got := test.spec.pause(test.nth); got != test.want {
			t.Errorf("restart %d of %+v waits %s, want %s", test.nth, test.spec, got, test.want)
		}
	}
}

func TestMayStart(t *testing.T) {
	now := time.Now()
	ago := func(seconds ...int) (out []time.Time) {
		for _, s := range seconds {
			out = append(out, now.Add(-time.Duration(s)*time.Second))
		}
		return out
	}
	limited := &spec{limitInterval: 10 * time.Second, limitBurst: 2}
	for _, test := range []struct {
		spec   *spec
		starts []time.Time
		kept   int
		may    bool
	}{
		{limited, nil, 0, true},
		{limited, ago(1), 1, true},
		{limited, ago(9, 1), 2, false},
		{limited, ago(11, 1), 1, true},
		{&spec{limitBurst: 2}, ago(3, 2, 1), 0, true},
	} {
		if kept, may := test.spec.mayStart(test.starts, now); len(kept) != test.kept || may != test.may {
			t.Errorf("%+v after %d starts: %d count and %t, want %d and %t", test.spec, len(test.starts), len(kept), may, test.kept, test.may)
		}
	}
}

func TestNewSpecRefuses(t *testing.T) {
	const service = "[Service]\nExecStart=true\n"
	for text, want := range map[string]string{
		"[Service]\n":                    "read x@0.service: ExecStart=: there are 0, not one",
		service + "ExecStart=false":      "read x@0.service: ExecStart=: there are 2, not one",
		service + "ExecStop=-":           `read x@0.service: ExecStop=: "-" has no program`,
		service + `Environment="A=1`:     `read x@0.service: Environment=: " has no end`,
		service + "TimeoutStopSec=soon":  "read x@0.service: Service.TimeoutStopSec=: soon is no time",
		service + "SuccessExitStatus=ok": "read x@0.service: SuccessExitStatus=: ok is no exit code",
		service + "KillSignal=KILL":      "read x@0.service: KillSignal=: KILL is no signal",
		"ExecStart=true":                 "read x@.service: line 1 is neither a section nor a directive in one",
		"[Service]\nExecStart=true \\":   "read x@.service: line 2 ends in a backslash",
	} {
		u, err := parse("x@.service", text)
		if err == nil {
			_, err = newSpec("x@0.service", u, "0")
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestPlace(t *testing.T) {
	here := tools{"/opt/bin/gopm-activator", "/opt/lib/gopm/agent.cjs", "/tmp/run-1"}
	packaged := tools{activatorPath, units.Agent, "/tmp/run-1"}
	for _, test := range []struct {
		tools tools
		text  string
		want  string
	}{
		{packaged, "/usr/bin/gopm-activator exec --fork my-api 0 -- node x.js", "/usr/bin/gopm-activator exec --runtime=/tmp/run-1 --fork my-api 0 -- node x.js"},
		{here, "/usr/bin/gopm-activator exec my-api 0 -- node --require=/usr/lib/gopm/agent.cjs x.js", "/opt/bin/gopm-activator exec --runtime=/tmp/run-1 --agent=/opt/lib/gopm/agent.cjs my-api 0 -- node --require=/opt/lib/gopm/agent.cjs x.js"},
		{here, "/usr/bin/gopm-activator drain --timeout=1s my-api 0", "/opt/bin/gopm-activator drain --runtime=/tmp/run-1 --timeout=1s my-api 0"},
		{here, "node x.js", "node x.js"},
	} {
		list, err := words(test.text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := words(test.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.tools.place(list); !slices.Equal(got, want) {
			t.Errorf("%s\nbecomes %q\nnot     %q", test.text, got, want)
		}
	}
}

func TestSchedule(t *testing.T) {
	at := func(text string) time.Time {
		out, err := time.ParseInLocation(time.DateTime, text, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, test := range []struct {
		calendar  []string
		now, want string
	}{
		{[]string{"*-*-* 03:00:00"}, "2026-11-21 03:00:00", "2026-11-22 03:00:00"},
		{[]string{"*-*-* *:00/15:00"}, "2026-11-21 03:14:59", "2026-11-21 03:15:00"},
		{[]string{"Sun *-*-* 00:00:00"}, "2026-11-21 12:00:00", "2026-11-22 00:00:00"},
		{[]string{"Mon *-*-13 00:00:00"}, "2026-11-21 12:00:00", "2027-09-13 00:00:00"},
		{[]string{"*-*~01 12:00:00"}, "2026-11-30 12:00:00", "2026-12-31 12:00:00"},
		{[]string{"*-02~01 12:00:00"}, "2026-11-30 12:00:00", "2027-02-28 12:00:00"},
		{[]string{"*-*-* 05:00:00", "*-*-* 04:00:00"}, "2026-11-21 03:00:00", "2026-11-21 04:00:00"},
	} {
		s, err := newSchedule(unit{"Timer.OnCalendar": test.calendar})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.after(at(test.now)); !got.Equal(at(test.want)) {
			t.Errorf("%q after %s: %s, want %s", test.calendar, test.now, got, test.want)
		}
	}
	// 30 February never comes.
	s, err := newSchedule(unit{"Timer.OnCalendar": {"*-02-30 00:00:00"}})
	if got := s.after(time.Now()); err != nil || !got.IsZero() {
		t.Errorf("30 February is %s, %v", got, err)
	}
}
