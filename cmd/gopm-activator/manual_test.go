package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator"
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
