package parity

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopm/gopm/units/verify"
)

// service is what systemd would run for one app: its unit as systemd reads it.
type service struct {
	command   []string
	variables map[string]string
	keys      map[string]string // the last value of each other key
	activator map[string]string
	names     []string // of all files
}

// converted is one app of gopm-gen's report.
type converted struct {
	Name  string   `json:"name"`
	Unit  string   `json:"unit"`
	Files []string `json:"files"`
}

// asUnits has gopm-gen write the units of a file below out.
func (x tools) asUnits(ctx context.Context, dir, out string, args ...string) ([]converted, error) {
	stdout, stderr, err := run(ctx, dir, x.gopm, append([]string{"--json", "--output", out}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr)
	}
	var report struct {
		Apps []converted `json:"apps"`
	}
	if err := json.Unmarshal(stdout, &report); err != nil {
		return nil, fmt.Errorf("gopm-gen --json printed %q: %w", stdout, err)
	}
	return report.Apps, nil
}

// readService reads the template of an app and the settings of its activator.
func readService(out string, c converted) (service, error) {
	s := service{variables: map[string]string{}, keys: map[string]string{}, activator: map[string]string{}, names: c.Files}
	for _, name := range c.Files {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			return s, err
		}
		switch {
		case path.Base(name) == c.Unit+"@.service":
			err = s.unit(out, string(text))
		case strings.HasSuffix(name, "10-gopm.conf"):
			err = assignments(string(text), s.activator)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

func (s *service) unit(out, text string) error {
	directives, err := verify.Parse(text)
	if err != nil {
		return err
	}
	if err := assignments(text, s.variables); err != nil {
		return err
	}
	for _, d := range directives {
		value, err := verify.Expand(d.Value, "0")
		if err != nil {
			return err
		}
		switch d.Key {
		case "ExecStart":
			if s.command, err = verify.Words(value); err != nil {
				return err
			}
		case "EnvironmentFile":
			file, err := os.ReadFile(filepath.Join(out, strings.TrimPrefix(value, "-")))
			if err != nil {
				continue // on the machine that runs the app
			}
			for _, line := range strings.Split(string(file), "\n") {
				if name, quoted, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
					s.variables[name] = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`))
				}
			}
		case "Environment":
		default:
			s.keys[d.Key] = value
		}
	}
	for i, w := range s.command {
		if head, name, ok := strings.Cut(w, "${"); ok {
			s.command[i] = head + s.variables[strings.TrimSuffix(name, "}")]
			continue
		}
		if s.command[i], err = verify.Literal(w); err != nil {
			return err
		}
	}
	if i := slices.Index(s.command, "--"); i > 0 && path.Base(s.command[0]) == "gopm-activator" {
		s.command = s.command[i+1:]
	}
	if len(s.command) > 0 && s.command[0] == "/usr/bin/env" {
		s.command = s.command[slices.Index(s.command, "--")+1:]
		for strings.Contains(s.command[0], "=") {
			name, value, _ := strings.Cut(s.command[0], "=")
			s.variables[name] = value
			s.command = s.command[1:]
		}
	}
	return nil
}

// assignments reads what Environment= sets.
func assignments(text string, to map[string]string) error {
	directives, err := verify.Parse(text)
	if err != nil {
		return err
	}
	for _, d := range directives {
		if d.Key != "Environment" {
			continue
		}
		value, err := verify.Expand(d.Value, "0")
		if err != nil {
			return err
		}
		words, err := verify.Words(value)
		if err != nil {
			return err
		}
		for _, w := range words {
			name, value, _ := strings.Cut(w, "=")
			to[name] = value
		}
	}
	return nil
}

// against lists where a service would not do what PM2 has for an app.
func (s service) against(app attributes) []string {
	var out []string
	wrong := func(key string, pm2, unit any) {
		out = append(out, fmt.Sprintf("%v: %s: PM2 has %s, the unit %s", app["name"], key, text(pm2), text(unit)))
	}
	tail := append([]string{fmt.Sprint(app["script"])}, words(app["args"])...)
	if n := len(s.command) - len(tail); n < 0 || !slices.Equal(s.command[n+1:], tail[1:]) || s.command[n] != tail[0] && path.Base(s.command[n]) != tail[0] {
		wrong("command", tail, s.command)
	}
	for _, arg := range words(app["node_args"]) {
		if app["exec_interpreter"] != "none" && !slices.Contains(s.command, arg) {
			wrong("node_args", arg, s.command)
		}
	}
	if s.keys["WorkingDirectory"] != app["cwd"] {
		wrong("cwd", app["cwd"], s.keys["WorkingDirectory"])
	}
	variables, _ := app["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if name == "" {
			continue // no program can ask for it, and the report says that it is left out
		}
		if name == app["instance_var"] {
			continue // PM2's daemon puts the number there, later than the oracle sees
		}
		if value, ok := s.variables[name]; !ok || value != variables[name] {
			if !slices.Contains(environment, fmt.Sprintf("%s=%v", name, variables[name])) {
				wrong("env."+name, variables[name], value)
			}
		}
	}
	if restart := map[bool]string{true: "always", false: "no"}[app["autorestart"] != false]; s.keys["Restart"] != restart {
		wrong("autorestart", app["autorestart"], s.keys["Restart"])
	}
	if limit, _ := app["max_memory_restart"].(float64); limit > 0 && s.activator["GOPM_MEMORY_LIMIT"] != strconv.Itoa(int(limit)) {
		wrong("max_memory_restart", limit, s.activator["GOPM_MEMORY_LIMIT"])
	}
	if app["wait_ready"] == true && s.activator["GOPM_WAIT_READY"] != "yes" {
		wrong("wait_ready", true, s.activator["GOPM_WAIT_READY"])
	}
	if n, _ := app["instances"].(float64); n > 1 && s.activator["GOPM_INSTANCES"] != fmt.Sprint(n) && s.activator["GOPM_INSTANCES"] != "" && s.activator["GOPM_INSTANCES"] != "max" {
		wrong("instances", n, s.activator["GOPM_INSTANCES"])
	}
	if cron, _ := app["cron_restart"].(string); cron != "" && cron != "0" && !slices.ContainsFunc(s.names, func(name string) bool { return strings.HasSuffix(name, ".timer") }) {
		wrong("cron_restart", cron, s.names)
	}
	if name, ok := app["uid"]; ok && fmt.Sprint(name) != s.keys["User"] {
		wrong("uid", name, s.keys["User"])
	}
	return out
}

func words(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = fmt.Sprint(w)
	}
	return out
}

// TestUnits holds the units of every archive to what PM2 has for its apps.
func TestUnits(t *testing.T) {
	x := newTools(t)
	for _, c := range conversions(t) {
		if refused[c.name] != "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := c.unpack(t, top)
			theirs, err := x.asPM2(t.Context(), filepath.Join(dir, filepath.Dir(c.file)), filepath.Base(c.file), c.flags...)
			if err != nil {
				t.Fatal(err)
			}
			theirs.Apps = c.moved(t, theirs.Apps, top, dir)
			out := t.TempDir()
			apps, err := x.asUnits(t.Context(), dir, out, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range differences(t, out, apps, theirs.Apps) {
				meant := func(where string) bool { return strings.HasPrefix(c.name+" "+d, where+": ") }
				if !slices.ContainsFunc(slices.Collect(maps.Keys(exceptions)), meant) {
					t.Error(d)
				}
			}
		})
	}
}

// differences compares the apps that have units.
func differences(t *testing.T, out string, apps []converted, pm2 []attributes) []string {
	t.Helper()
	var list []string
	for i, c := range apps {
		if i >= len(pm2) || c.Unit == "" {
			continue
		}
		s, err := readService(out, c)
		if err != nil {
			t.Error(err)
			continue
		}
		list = append(list, s.against(pm2[i])...)
	}
	return list
}
