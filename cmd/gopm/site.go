package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/runner"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

// site is the service manager that a verb is about, and what it and each gopm run
// run.
type site struct {
	manager control.Manager
	systemd *systemd.Manager
	reader  *fleet.Reader
}

// manager is a service manager as verbs need it: systemd or, of its apps, a gopm run.
type manager interface {
	fleet.Manager
	// Do makes a job of a unit, and waits for its end.
	Do(ctx context.Context, verb rollout.Verb, unit string) error
	// Kill sends a signal to a unit's main process.
	Kill(ctx context.Context, unit string, signal unix.Signal) error
	// Forgive has a unit forget that it failed, and how often it was started.
	Forgive(ctx context.Context, unit string)
	// Services are what services run.
	Services(ctx context.Context, units []string) (map[string]systemd.Service, error)
}

// userFlag is how people name their own manager.
func userFlag(flags *pflag.FlagSet) *bool {
	return flags.Bool("user", false, "the apps of your own service manager (systemctl --user)")
}

// lookTime is for how long the CPUs are looked at: nobody notices it, and who asks
// every few seconds gets the right mean. Who wants one answer looks longer.
// answerTime is how long a worker has to tell what it measures.
const (
	lookTime   = 3 * time.Millisecond
	answerTime = 10 * time.Millisecond
	longLook   = 100 * time.Millisecond
)

// newSite reaches the system's manager or, with user, the caller's own.
func newSite(ctx context.Context, w world, user bool) site {
	of := control.System
	if user {
		of = control.Manager{Runtime: w.getenv("XDG_RUNTIME_DIR"), User: true}
		if of.Runtime == "" {
			of.Runtime = fmt.Sprintf("/run/user/%d", os.Getuid())
		}
	}
	self := control.Process{UID: os.Getuid(), Runtime: w.getenv("XDG_RUNTIME_DIR")}
	s := site{manager: of, systemd: systemd.New(ctx, of, "")}
	s.reader = &fleet.Reader{
		Systemd: fleet.Place{Manager: s.systemd, Control: of}, Folders: s.systemd.Folders,
		Runs: func() []fleet.Place {
			var runs []fleet.Place
			for _, run := range self.Runs() {
				runs = append(runs, fleet.Place{Manager: runner.Client{At: run.Own()}, Control: run})
			}
			return runs
		},
		Host: os.DirFS("/"), Window: lookTime, Patience: answerTime,
	}
	return s
}

// of is the service manager that has an app.
func (s site) of(a fleet.App) manager {
	if a.Run != "" {
		return runOf(a)
	}
	return s.systemd
}

// runOf is the gopm run that has an app.
func runOf(a fleet.App) runner.Client {
	return runner.Client{At: control.Manager{Runtime: a.Run}.Own()}
}

// lookLonger is for who wants one answer, and not a fast one.
func (s site) lookLonger() { s.reader.Window, s.reader.Patience = longLook, longLook }

// address is where an app's activator listens.
func (s site) address(a fleet.App) control.Address {
	if a.Run != "" {
		return control.Manager{Runtime: a.Run}.Address(a.Name)
	}
	return s.manager.Address(a.Name)
}

// whoTells is where an app's failures are told.
func whoTells(a fleet.App) string {
	if a.Run != "" {
		return "gopm logs " + a.Name + " tells why"
	}
	return fmt.Sprintf("journalctl -u '%s@*' -u %s tells why", a.Name, a.Activator())
}

// owns tells whether the caller is the user of an app's activator, whom it obeys.
func (s site) owns(a fleet.App) bool { return s.manager.User || a.Run != "" || os.Getuid() == 0 }

// choice is what somebody has named: an app, or one instance of it.
type choice struct {
	app      fleet.App
	instance int // -1: all of it
}

// name is what people call it.
func (c choice) name() string { return c.of(c.app.Name) }

// fullName is a name that no other choice has.
func (c choice) fullName() string { return c.of(c.app.FullName()) }

// of is its name where its app has this one.
func (c choice) of(app string) string {
	if c.instance < 0 {
		return app
	}
	return app + "@" + strconv.Itoa(c.instance)
}

// missing tells that the app has no such instance.
func (c choice) missing() error {
	if c.instance < 0 || !c.app.Lacks(c.instance) {
		return nil
	}
	return fmt.Errorf("there is no %s: %s has %s; gopm scale changes how many", c.name(), c.app.Name, count(c.app.Instances))
}

// count is a number of instances.
func count(n int) string {
	if n == 1 {
		return "one instance, 0"
	}
	return fmt.Sprintf("%d instances, 0 to %d", n, n-1)
}

// unit is what systemd has to start or stop.
func (c choice) unit() string {
	if c.instance < 0 {
		return c.app.Target()
	}
	return c.name() + ".service"
}

// workers are those that it has.
func (c choice) workers() []fleet.Worker {
	if c.instance < 0 {
		return c.app.Workers
	}
	if w, ok := c.app.Worker(c.instance); ok {
		return []fleet.Worker{w}
	}
	return nil
}

// choose reads the fleet and finds what the words name in it.
func (s site) choose(ctx context.Context, words []string) ([]choice, error) {
	f, err := s.reader.Read(ctx)
	if err != nil {
		for _, word := range words {
			if isFile(word) { // as for pm2 start, where there is no systemd perhaps
				return nil, notAnApp(word)
			}
		}
		return nil, err
	}
	return clearChoices(f, words)
}

// clearChoices is choices where each word must name one thing that there is.
func clearChoices(f fleet.Fleet, words []string) ([]choice, error) {
	chosen, err := choices(f, words)
	if err != nil {
		return nil, err
	}
	for _, word := range words {
		apps, instance, err := named(f, word)
		if err != nil || len(apps) < 2 || word == fleet.All {
			continue
		}
		var full []string
		for _, app := range apps {
			full = append(full, choice{app, instance}.fullName())
		}
		return nil, fmt.Errorf("there are %d apps %s: name one as %s", len(apps), apps[0].Name, strings.Join(full, " or "))
	}
	for _, c := range chosen {
		if err := c.missing(); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

// isFile tells whether a word is the name of a file, as PM2's verbs take them.
func isFile(word string) bool {
	switch filepath.Ext(word) {
	case ".js", ".cjs", ".mjs", ".ts", ".json", ".json5", ".yml", ".yaml":
		return true
	}
	return false
}

func notAnApp(file string) error {
	return fmt.Errorf("%s is a file: gopm run %s runs its apps here and now, gopm-gen %s makes units of them", file, file, file)
}

// chooseOne is choose for one word.
func (s site) chooseOne(ctx context.Context, word string) (choice, error) {
	found, err := s.choose(ctx, []string{word})
	switch {
	case err != nil:
		return choice{}, err
	case len(found) != 1:
		return choice{}, fmt.Errorf("%w: name one app, not %s", errUsage, word)
	}
	return found[0], nil
}

// choices finds what words name among the apps that there are, each once. A word names
// several where systemd and a gopm run have an app of that name each.
func choices(f fleet.Fleet, words []string) ([]choice, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: give an app, or all", errUsage)
	}
	type part struct {
		id       fleet.ID
		instance int
	}
	chosen := make(map[part]bool)
	var out []choice
	for _, word := range words {
		apps, instance, err := named(f, word)
		if err != nil {
			return nil, err
		}
		for _, app := range apps {
			if p := (part{app.ID(), instance}); !chosen[p] {
				chosen[p] = true
				out = append(out, choice{app, instance})
			}
		}
	}
	return out, nil
}

// named are the apps that a word names, and which instance of them; -1: all.
func named(f fleet.Fleet, word string) (apps []fleet.App, instance int, err error) {
	if word == fleet.All {
		return f.Apps, -1, nil
	}
	if apps = f.Find(word); len(apps) > 0 {
		return apps, -1, nil
	}
	name, number, ofOne := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(word, ".service"), ".target"), "@")
	if apps = f.Find(name); len(apps) == 0 {
		return nil, 0, unknownApp(f, word)
	}
	if !ofOne {
		return apps, -1, nil
	}
	if instance, err = strconv.Atoi(number); err != nil || instance < 0 {
		return nil, 0, fmt.Errorf("%w: %q is not an instance's number", errUsage, number)
	}
	return apps, instance, nil
}

// mostNames is how many apps fit into a line.
const mostNames = 12

// unknownApp tells which apps there are, and why there may be more.
func unknownApp(f fleet.Fleet, word string) error {
	if isFile(word) {
		return notAnApp(word)
	}
	err := notAmong(f.Names(), word)
	if f.Limited != nil && !errors.Is(f.Limited, control.ErrDenied) { // that is about what they do
		err = fmt.Errorf("%w; %w", err, f.Limited)
	}
	return err
}

// notAmong tells who else there is.
func notAmong(names []string, word string) error {
	if len(names) == 0 {
		return fmt.Errorf("there is no app %q, nor any other: gopm-gen makes units of an ecosystem file", word)
	}
	if meant := nearest(word, names); meant != "" {
		return fmt.Errorf("there is no app %q; did you mean %s?", word, meant)
	}
	more := ""
	if len(names) > mostNames {
		more = fmt.Sprintf(" and %d more", len(names)-mostNames)
		names = names[:mostNames]
	}
	return fmt.Errorf("there is no app %q; there are %s%s", word, strings.Join(names, ", "), more)
}
