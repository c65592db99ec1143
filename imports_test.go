package gopm_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gopm/gopm"

// arrows are the rooms and what each may import of the others, tests aside.
var arrows = map[string][]string{
	"cmd/gopm-gen":        {"generator", "generator/ecosystem", "generator/machine", "generator/nfpm", "terminal", "units"},
	"cmd/gopm":            {"activator/control", "activator/rollout", "activator/runner", "activator/systemd", "cmd/gopm/figures", "cmd/gopm/fleet", "cmd/gopm/logs", "cmd/gopm/monit", "generator/secret", "terminal", "units"},
	"cmd/gopm/fleet":      {"activator/control", "activator/systemd", "units"},
	"cmd/gopm/logs":       {"activator/control", "terminal", "units"},
	"cmd/gopm/figures":    {},
	"cmd/gopm/monit":      {"activator/control", "cmd/gopm/figures", "cmd/gopm/fleet", "cmd/gopm/logs", "terminal"},
	"cmd/gopm-activator":  {"activator", "activator/agent", "activator/control", "activator/nodeipc", "activator/rollout", "activator/steer", "activator/systemd", "activator/watch", "units"},
	"generator":           {"generator/ecosystem", "templates", "units"},
	"generator/ecosystem": {"generator/secret"},
	"generator/secret":    {},
	"generator/nfpm":      {"generator", "packaging", "units"},
	"packaging":           {},
	"generator/machine":   {"generator/ecosystem"},
	"templates":           {},
	"terminal":            {},
	"units":               {},
	"units/verify":        {"units"},
	"activator":           {"activator/agent", "activator/control", "activator/nodeipc", "activator/rollout", "activator/steer", "activator/systemd", "activator/watch", "units"},
	"activator/agent":     {},
	"activator/control":   {},
	"activator/nodeipc":   {},
	"activator/rollout":   {},
	"activator/runner":    {"activator", "activator/control", "activator/rollout", "activator/systemd", "units"},
	"activator/steer":     {},
	"activator/systemd":   {"activator/control", "activator/rollout"},
	"activator/watch":     {},

	"examples/kinds/hello": {},
}

// doors are the dependencies and the rooms that may import them: one each, with
// the exceptions that the design names.
var doors = map[string][]string{
	"github.com/dop251/goja":                {"generator/ecosystem"},
	"github.com/dop251/goja_nodejs":         {"generator/ecosystem"},
	"github.com/evanw/esbuild":              {"generator/ecosystem"},
	"go.yaml.in/yaml":                       {"generator/ecosystem", "generator/nfpm"},
	"github.com/agext/levenshtein":          {"cmd/gopm", "generator/ecosystem"},
	"github.com/robfig/cron/v3":             {"activator/runner", "generator/ecosystem"},
	"golang.org/x/text":                     {"units"},
	"github.com/coreos/go-systemd/v22":      {"activator", "activator/systemd", "cmd/gopm", "units"},
	"github.com/godbus/dbus/v5":             {"activator/systemd"},
	"github.com/cilium/ebpf":                {"activator/steer"},
	"github.com/shirou/gopsutil/v3":         {"activator", "cmd/gopm"},
	"github.com/fsnotify/fsnotify":          {"activator/watch"},
	"github.com/bmatcuk/doublestar/v4":      {"activator/watch"},
	"github.com/spf13/pflag":                {"cmd/gopm-gen", "cmd/gopm-activator", "cmd/gopm"},
	"charm.land/bubbletea/v2":               {"cmd/gopm", "cmd/gopm/monit"},
	"github.com/charmbracelet/colorprofile": {"cmd/gopm"},
	"github.com/charmbracelet/x/ansi":       {"cmd/gopm", "cmd/gopm/monit"},
	"golang.org/x/time":                     {"activator", "activator/nodeipc"},
	"golang.org/x/sys":                      nil, // the kernel itself: everybody's
	"golang.org/x/tools/txtar":              nil,
	"golang.org/x/sync":                     nil,
	"github.com/google/go-cmp":              nil,
	"github.com/rogpeppe/go-internal":       {"cmd/gopm-gen"},
}

// source is a Go file: its folder, whether it is a test, and what it imports.
type source struct {
	name, room string
	test       bool
	imports    []string
}

// sources parses all Go files here. Asking `go list` instead would let go test
// answer from its cache.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{name: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestArrows keeps the rooms apart: generator and activator meet on disk, in the
// names of units, and nowhere else.
func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.room == "." || strings.HasPrefix(s.room, "test") {
			continue
		}
		allowed, known := arrows[s.room]
		if !known {
			t.Errorf("%s is in a room that has no arrows: add it to imports_test.go", s.name)
		}
		for _, imported := range s.imports {
			room, ours := strings.CutPrefix(imported, module+"/")
			if ours && !slices.Contains(allowed, room) {
				t.Errorf("%s imports %s: no arrow goes there", s.name, room)
			}
		}
	}
}

// TestDoors gives each dependency its one door.
func TestDoors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.room, "test") {
			continue
		}
		for _, imported := range s.imports {
			first, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(first, ".") || strings.HasPrefix(imported, module) {
				continue
			}
			rooms, known := door(imported)
			switch {
			case !known:
				t.Errorf("%s imports %s, which has no door: add it to imports_test.go", s.name, imported)
			case rooms != nil && !slices.Contains(rooms, s.room):
				t.Errorf("%s imports %s, whose door is %s", s.name, imported, strings.Join(rooms, ", "))
			}
		}
	}
}

// door returns the rooms of the dependency with the longest matching name.
func door(imported string) (rooms []string, known bool) {
	longest := ""
	for name, r := range doors {
		if (imported == name || strings.HasPrefix(imported, name+"/")) && len(name) > len(longest) {
			longest, rooms, known = name, r, true
		}
	}
	return rooms, known
}
