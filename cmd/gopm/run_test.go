package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

// Who is told to end while the file is read has ended well.
func TestRunEndsBeforeItBegins(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	w, said := outside()
	if err := runApps(ctx, w, runOptions{}, nil, tools{generator: script(t, "exec sleep 60")}); err != nil || said.Len() > 0 {
		t.Errorf("it ends with %v, and says %q", err, said)
	}
}

// TestRunManual holds the options in gopm-run(1) to those of the verb, in both
// directions.
func TestRunManual(t *testing.T) {
	page, err := os.ReadFile("../../packaging/man/gopm-run.1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Fl -(\S+)`).FindAllStringSubmatch(string(page), -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	want := []string{"help"}
	flags := pflag.NewFlagSet("gopm run", pflag.ContinueOnError)
	runVerb().flags(flags)
	flags.VisitAll(func(f *pflag.Flag) { want = append(want, f.Name) })
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("gopm-run(1) has %q, want %q", got, want)
	}
}
