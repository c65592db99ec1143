package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

// manualFile is gopm(1).
const manualFile = "../../packaging/man/gopm.1"

// manual is gopm(1), or a section of it.
func manual(t *testing.T, section string) string {
	t.Helper()
	page, err := os.ReadFile(manualFile)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n.Sh "+section+"\n")
	if !ok {
		t.Fatalf("gopm(1) has no section %s", section)
	}
	text, _, _ = strings.Cut(text, "\n.Sh ")
	return text
}

// matches returns the first group of all matches, sorted.
func matches(text, pattern string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return sorted(out)
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// TestManualHasTheVerbs holds the verbs and options of the manual to those that
// there are, in both directions.
func TestManualHasTheVerbs(t *testing.T) {
	var verbNames, flagNames []string
	for _, v := range verbs() {
		verbNames = append(verbNames, strings.Join(v.names, " , "))
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		v.flags(flags)
		flags.VisitAll(func(f *pflag.Flag) { flagNames = append(flagNames, f.Name) })
	}
	text := manual(t, "DESCRIPTION")
	if got, want := matches(text, `(?m)^\.It Cm (.+)$`), sorted(verbNames); !slices.Equal(got, want) {
		t.Errorf("gopm(1) has the verbs %q\nwant %q", got, want)
	}
	if got, want := matches(text, `(?m)^\.It Fl -(\S+)`), sorted(append(flagNames, "help")); !slices.Equal(got, want) {
		t.Errorf("gopm(1) has the options %q\nwant %q", got, want)
	}
}

// TestManualHasTheKeys holds the keys of ls --json to those that the manual
// promises.
func TestManualHasTheKeys(t *testing.T) {
	section := manual(t, "JSON")
	var promised, want []string
	for _, list := range matches(section, `(?m)^\.(?:It )?Va ([a-z0-9_ ,]+)`) {
		promised = append(promised, strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	for _, part := range []any{fleet.App{}, fleet.Worker{}, control.Roll{}, control.Worker{}, control.Listener{}, control.Measures{}, control.Latency{}, control.Delay{}} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(part)) {
			if key, _, _ := strings.Cut(field.Tag.Get("json"), ","); key != "" {
				want = append(want, key)
			}
		}
	}
	if got, want := sorted(promised), sorted(want); !slices.Equal(got, want) {
		t.Errorf("gopm(1) has %q\nwant %q", got, want)
	}
	for _, state := range []control.State{
		control.Missing, control.Starting, control.Settling, control.Ready, control.Sick, control.Stalled, control.Draining,
		fleet.WorkerFailed, fleet.WorkerRestarting, fleet.WorkerStopping, fleet.WorkerStopped,
	} {
		if !strings.Contains(section, ".It Li "+string(state)+"\n") {
			t.Errorf("gopm(1) lacks the state %s of a worker", state)
		}
	}
	for _, state := range []fleet.State{fleet.Online, fleet.Partial, fleet.Starting, fleet.Stopping, fleet.Failed, fleet.Stopped} {
		if !regexp.MustCompile(`\.Li .*\b` + string(state) + `\b|^` + string(state) + `$`).MatchString(section) {
			t.Errorf("gopm(1) lacks the state %s of an app", state)
		}
	}
}
