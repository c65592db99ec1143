package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/test/shells"
)

// fewer are other names of verbs that are not offered: they are for fingers.
var fewer = []string{"l", "ps", "desc"}

// The completions know each verb, its options, and the apps that there are.
func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	// What is asked for their names.
	script := "#!/bin/sh\n[ \"$*\" = 'ls --names' ] && printf 'my-api\\nshop\\n'\n[ \"$*\" = 'ls --user --names' ] && echo mine\n"
	if err := os.WriteFile(filepath.Join(dir, "gopm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	wants := map[string][]string{
		"gopm rel":              {"reload"},
		"gopm reload ":          {"all", "my-api", "shop"},
		"gopm reload sh":        {"shop"},
		"gopm describe m":       {"my-api"},
		"gopm reload --user m":  {"mine"},
		"gopm scale my-api m":   {"max"},
		"gopm signal SIGUSR1 s": {"shop"},
		"gopm help desc":        {"describe"},
	}
	var all []string
	for _, v := range verbs() {
		for _, name := range v.names {
			if !slices.Contains(fewer, name) {
				all = append(all, name)
			}
		}
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		v.flags(set)
		flags := []string{"--help"}
		set.VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
		wants["gopm "+v.names[0]+" --"] = flags
	}
	wants["gopm help "] = append(all, "help")
	lines := slices.Sorted(maps.Keys(wants))
	for _, shell := range shells.All() {
		t.Run(shell.Name, func(t *testing.T) {
			fit, err := shell.Complete(t.Context(), "../../packaging/completions", "gopm", dir, lines)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range lines {
				if want := sorted(wants[line]); !slices.Equal(fit[i], want) {
					t.Errorf("%s: %q\nwant %q", line, fit[i], want)
				}
			}
		})
	}
}
