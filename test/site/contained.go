package site

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/test/machine"
)

// contained is a gopm run in the place of systemd: what a scenario asks the one it
// can ask the other.
type contained struct{ *machine.Machine }

// user is who the container runs as.
var user = []string{"--reuid=1000", "--regid=1000", "--clear-groups", "--"}

// AsUser runs a command as the container's user.
func (s *Site) AsUser(ctx context.Context, args ...string) (string, error) {
	return s.Run(ctx, "setpriv", append(append([]string{}, user...), args...)...)
}

// units asks the run for its units.
func (c contained) units(ctx context.Context) ([]control.Unit, error) {
	// It is in a tmpfs, which only its own processes see.
	found, err := filepath.Glob(c.Inside("/tmp/gopm-1000/run-*"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("find the gopm run: there are %d, %v", len(found), err)
	}
	return control.AskUnits(ctx, control.Manager{Runtime: found[0]}.Own())
}

// systemctl does what systemctl(1) would, by gopm.
func (c contained) systemctl(ctx context.Context, args ...string) (string, error) {
	var words []string
	wait := true
	for _, word := range args {
		switch {
		case word == "--no-block":
			wait = false
		case !strings.HasPrefix(word, "--"):
			words = append(words, strings.TrimSuffix(strings.TrimSuffix(word, ".target"), ".service"))
		}
	}
	switch {
	case words[0] == "reset-failed" && len(words) == 1:
		return "", nil // a start forgives
	case words[0] == "list-units":
		return c.list(ctx, args[1:])
	case len(words) != 2:
		return "", fmt.Errorf("a gopm run knows no systemctl %s", strings.Join(args, " "))
	}
	command := append(append([]string{}, user...), "gopm", words[0], words[1])
	if wait {
		return c.Run(ctx, "setpriv", command...)
	}
	background := c.Command(ctx, "setpriv", command...)
	if err := background.Start(); err != nil {
		return "", err
	}
	go background.Wait() // its result is what nobody waits for
	return "", nil
}

// list lists units, as systemctl does with --plain and --no-legend.
func (c contained) list(ctx context.Context, args []string) (string, error) {
	pattern, states := "*", []string{"active"}
	for _, word := range args {
		switch text, isStates := strings.CutPrefix(word, "--state="); {
		case isStates:
			states = strings.Split(text, ",")
		case word == "--failed":
			states = []string{"failed"}
		case !strings.HasPrefix(word, "--"):
			pattern = word
		}
	}
	all, err := c.units(ctx)
	var lines []string
	for _, u := range all {
		if fits, _ := path.Match(pattern, u.Name); fits && slices.Contains(states, u.Active) {
			lines = append(lines, strings.Join([]string{u.Name, "loaded", u.Active, u.Sub, u.Description}, " "))
		}
	}
	return strings.Join(lines, "\n"), err
}

// property is a unit's, as systemctl shows it; of one that is not loaded, too.
func (c contained) property(ctx context.Context, unit, name string) (string, error) {
	all, err := c.units(ctx)
	if err != nil {
		return "", err
	}
	is := control.Unit{Active: "inactive", Sub: "dead"}
	for _, u := range all {
		if u.Name == unit {
			is = u
		}
	}
	value, ok := map[string]string{
		"ActiveState": is.Active, "SubState": is.Sub,
		"StatusText": is.Status, "NRestarts": strconv.Itoa(is.Restarts), "MainPID": strconv.Itoa(is.PID),
	}[name]
	if !ok {
		return "", fmt.Errorf("a gopm run knows no %s", name)
	}
	return value, nil
}

// active is how many workers are.
func (c contained) active(ctx context.Context) (int, error) {
	all, err := c.units(ctx)
	n := 0
	for _, u := range all {
		if fits, _ := path.Match(Workers, u.Name); fits && u.Active == "active" {
			n++
		}
	}
	return n, err
}

// processes are those of workers, by what is in their environment. Their units'
// other commands have no number there.
func (c contained) processes(pattern string) ([]machine.Process, error) {
	all, err := c.All()
	var out []machine.Process
	for _, p := range all {
		var name, number string
		for _, variable := range p.Env {
			key, value, _ := strings.Cut(variable, "=")
			switch key {
			case "name":
				name = value
			case "NODE_APP_INSTANCE":
				number = value
			}
		}
		p.Unit = name + "@" + number + ".service"
		if fits, _ := path.Match(pattern, p.Unit); fits {
			out = append(out, p)
		}
	}
	return out, err
}

// The methods of the machine that ask systemd ask the gopm run where that has the app.

// Systemctl runs systemctl(1) in the machine.
func (s *Site) Systemctl(ctx context.Context, args ...string) (string, error) {
	if s.run != nil {
		return s.run.systemctl(ctx, args...)
	}
	return s.Machine.Systemctl(ctx, args...)
}

// Property returns a property of a unit as systemctl shows it.
func (s *Site) Property(ctx context.Context, unit, name string) (string, error) {
	if s.run != nil {
		return s.run.property(ctx, unit, name)
	}
	return s.Machine.Property(ctx, unit, name)
}

// Kill sends a signal to a unit's main process.
func (s *Site) Kill(ctx context.Context, unit, signal string) error {
	if s.run == nil {
		return s.Machine.Kill(ctx, unit, signal)
	}
	pid, err := s.run.property(ctx, unit, "MainPID")
	if err == nil {
		_, err = s.Run(ctx, "kill", "-"+signal, pid)
	}
	return err
}

// Processes returns the processes of the units matching the shell pattern.
func (s *Site) Processes(pattern string) ([]machine.Process, error) {
	if s.run != nil {
		return s.run.processes(pattern)
	}
	return s.Machine.Processes(pattern)
}

// Victim returns one of a unit's processes, found by its id as the machine sees it.
func (s *Site) Victim(unit string, pid int) (machine.Victim, error) {
	processes, err := s.Processes(unit)
	if err != nil {
		return machine.Victim{}, err
	}
	for _, p := range processes {
		if p.PID == pid {
			return p.Victim(), nil
		}
	}
	return machine.Victim{}, fmt.Errorf("find process %d: %s has none", pid, unit)
}

// Journal returns what the units matching the pattern have logged; of a gopm run, all.
func (s *Site) Journal(ctx context.Context, pattern string) (string, error) {
	if s.run != nil {
		return s.Console(), nil
	}
	return s.Machine.Journal(ctx, pattern)
}

// Roll replaces the workers, and fails where that was aborted.
func (s *Site) Roll(ctx context.Context) (string, error) {
	if s.run != nil {
		return s.AsUser(ctx, "gopm", "reload", "my-api")
	}
	return s.Run(ctx, "gopm-activator", "reload", "my-api")
}
