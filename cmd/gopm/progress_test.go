package main

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/terminal"
)

// On a terminal all is said in one line, the last word too.
func TestProgress(t *testing.T) {
	steps := func(is, quiet bool) string {
		w, stdout := outside()
		p := &progress{w: w, quiet: quiet, term: terminal.Terminal{Is: is, Width: 80}}
		p.line("waiting")
		for i := range 3 {
			p.step(control.Answer{Progress: "restarting", Roll: &control.Roll{Done: i, Total: 3}})
		}
		p.line("reload: done")
		p.end(true)
		return stdout.String()
	}
	if got, want := steps(false, false), "waiting\nrestarting\nrestarting\nrestarting\nreload: done\n"; got != want {
		t.Errorf("it prints %q, want %q", got, want)
	}
	got := steps(true, false)
	if strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "waiting\n") || !strings.Contains(got, "\rrestarting") || !strings.Contains(got, "\rreload: done 100%") || !strings.HasSuffix(got, "\n") {
		t.Errorf("on a terminal it prints %q", got)
	}
	for _, is := range []bool{false, true} {
		if got := steps(is, true); got != "" {
			t.Errorf("it is to be quiet, and prints %q", got)
		}
	}
}
