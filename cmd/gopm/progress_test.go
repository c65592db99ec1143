package main

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/terminal"
)

// On a terminal all is said in one line, the last word too, where there is room for it.
func TestProgress(t *testing.T) {
	steps := func(term terminal.Terminal, quiet bool) string {
		w, stdout := outside()
		p := &progress{w: w, quiet: quiet, term: term}
		p.line("waiting")
		for i := range 3 {
			p.step(control.Answer{Progress: "restarting", Roll: &control.Roll{Done: i, Total: 3}})
		}
		p.line("reload: done")
		p.end(true)
		return stdout.String()
	}
	pipe, wide := terminal.Terminal{Width: 80}, terminal.Terminal{Is: true, Width: 80}
	narrow, dumb := terminal.Terminal{Is: true, Width: 20}, terminal.Terminal{Is: true, Dumb: true, Width: 80}
	for _, term := range []terminal.Terminal{pipe, narrow, dumb} {
		if got, want := steps(term, false), "waiting\nrestarting\nrestarting\nrestarting\nreload: done\n"; got != want {
			t.Errorf("on %+v it prints %q, want %q", term, got, want)
		}
	}
	got := steps(wide, false)
	if strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, "waiting\n") || !strings.Contains(got, "\rrestarting") || !strings.Contains(got, "\rreload: done 100%") || !strings.HasSuffix(got, "\n") {
		t.Errorf("on a terminal it prints %q", got)
	}
	for _, term := range []terminal.Terminal{pipe, wide} {
		if got := steps(term, true); got != "" {
			t.Errorf("it is to be quiet, and prints %q", got)
		}
	}
}
