package activator

import (
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

func TestSpeakerMay(t *testing.T) {
	const run, other = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	const anotherRun = "process 7 of my-api@0.service speaks for another run of it than the one that runs (its INVOCATION_ID is not the unit's)"
	tests := map[string]struct {
		hello control.Hello
		pid   int
		want  string
	}{
		"the main process attaches":        {control.Hello{Verb: control.Exec, Invocation: run}, 7, ""},
		"a child attaches":                 {control.Hello{Verb: control.Exec, Invocation: run}, 6, "process 7 of my-api@0.service is not its main process, which is 6: ExecStart= has to be gopm-activator exec, with no shell around it"},
		"another command of it waits":      {control.Hello{Verb: control.Wait, Invocation: run}, 6, ""},
		"another command of it drains":     {control.Hello{Verb: control.Drain, Invocation: run}, 6, ""},
		"it invents a run":                 {control.Hello{Verb: control.Exec, Invocation: other}, 7, anotherRun},
		"it has none":                      {control.Hello{Verb: control.Drain}, 7, anotherRun},
		"it waits with a line for systemd": {control.Hello{Verb: control.Wait, Invocation: "x\nMAINPID=1"}, 7, anotherRun},
	}
	for name, test := range tests {
		s := speaker{7, "my-api@0.service", systemd.State{PID: test.pid, Invocation: run}}
		got := ""
		if err := s.may(test.hello); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
