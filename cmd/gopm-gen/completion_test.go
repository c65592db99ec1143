package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/gopm/gopm/test/shells"
)

func TestCompletions(t *testing.T) {
	flags := regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(usage, -1)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ecosystem.config.js"), nil)
	wants := map[string][]string{
		"gopm-gen --":             flags,
		"gopm-gen at":             {"attributes"},
		"gopm-gen --diff eco":     {"ecosystem.config.js"},
		"gopm-gen --env p":        {"production"},
		"gopm-gen --prefix x --j": {"--json"},
	}
	lines := slices.Sorted(maps.Keys(wants))
	for _, shell := range shells.All() {
		t.Run(shell.Name, func(t *testing.T) {
			fit, err := shell.Complete(t.Context(), "../../packaging/completions", "gopm-gen", dir, lines)
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

func sorted(list []string) []string {
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}
