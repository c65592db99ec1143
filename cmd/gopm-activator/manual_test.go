package main

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/control"
)

// manual returns what follows a macro in gopm-activator(8), sorted.
func manual(t *testing.T, macro string) []string {
	t.Helper()
	page, err := os.ReadFile("../../packaging/man/gopm-activator.8")
	if err != nil {
		t.Fatal(err)
	}
	return matches(string(page), `(?m)^`+regexp.QuoteMeta(macro)+`(\S+)`)
}

// matches returns the first group of all matches, sorted.
func matches(text, pattern string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestManualHasTheFlags holds the options in the manual to those of --help, in
// both directions.
func TestManualHasTheFlags(t *testing.T) {
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help); err != nil {
		t.Fatal(err)
	}
	got := manual(t, ".It Fl -")
	if want := matches(help.String(), `(?m)^ .*?--([a-z-]+)`); len(want) < 2 || !slices.Equal(got, want) {
		t.Errorf("gopm-activator(8) has %q\nwant %q", got, want)
	}
}

// TestManualHasTheSettings holds the variables in the manual to those that the
// activator reads.
func TestManualHasTheSettings(t *testing.T) {
	var want []string
	// With something to watch, or to ask for, it looks for what goes with that.
	given := map[string]string{"GOPM_WATCH": "/srv", "GOPM_HEALTH_CHECK": "/health"}
	_, err := activator.ReadSettings("my-api", func(name string) string {
		want = append(want, name)
		return given[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := manual(t, ".It Ev "); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("gopm-activator(8) has %s\nwant %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// TestManualHasTheStatus holds the keys of status --json to those that the manual
// promises.
func TestManualHasTheStatus(t *testing.T) {
	page, err := os.ReadFile("../../packaging/man/gopm-activator.8")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n.Sh STATUS\n")
	section, _, _ = strings.Cut(section, "\n.Sh ")
	var promised []string
	for _, list := range matches(section, `(?m)^\.(?:It )?Va ([a-z0-9_ ,]+)`) {
		promised = append(promised, strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	var want []string
	for _, part := range []any{control.Status{}, control.Roll{}, control.Worker{}, control.Listener{}, control.Measures{}, control.Latency{}, control.Delay{}} {
		for i := range reflect.TypeOf(part).NumField() {
			key, _, _ := strings.Cut(reflect.TypeOf(part).Field(i).Tag.Get("json"), ",")
			want = append(want, key)
		}
	}
	slices.Sort(promised)
	slices.Sort(want)
	if !slices.Equal(promised, want) {
		t.Errorf("gopm-activator(8) has %q\nwant %q", promised, want)
	}
	for _, state := range []control.State{control.Missing, control.Starting, control.Settling, control.Ready, control.Sick, control.Stalled, control.Draining} {
		if !strings.Contains(section, ".It Li "+string(state)+"\n") {
			t.Errorf("gopm-activator(8) lacks the state %s", state)
		}
	}
}
