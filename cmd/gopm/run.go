package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/runner"
	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/generator/machine"
	"github.com/gopm/gopm/terminal"
	"github.com/gopm/gopm/units"
)

// runOptions are the flags of gopm run.
type runOptions struct {
	env       string
	only      []string
	node      bool
	json, raw bool
}

func runVerb() verb {
	return verb{
		names: []string{"run"},
		args:  "[FILE]",
		about: "run the apps of an ecosystem file here, in the foreground, without systemd",
		examples: "  gopm run ecosystem.config.js                  until SIGTERM, SIGINT, or every app has ended\n" +
			"  gopm run --env production --only api --json   env_production; one JSON object for each line\n" +
			"  gopm ls, gopm stop my-api, gopm start my-api  from another terminal; a run from which something was stopped goes on\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			var o runOptions
			flags.StringVar(&o.env, "env", "", "take env_`NAME` too")
			flags.StringSliceVar(&o.only, "only", nil, "run these `apps` alone")
			flags.BoolVar(&o.node, "node", false, "have node evaluate the file")
			flags.BoolVar(&o.json, "json", false, "print each line as a JSON object")
			flags.BoolVar(&o.raw, "raw", false, "print the apps' lines as they are, without whose they are")
			return func(ctx context.Context, w world, args []string) error {
				switch {
				case len(args) > 1:
					return fmt.Errorf("%w: gopm run takes one file", errUsage)
				case o.json && o.raw:
					return fmt.Errorf("%w: --json and --raw: choose one", errUsage)
				}
				return runApps(ctx, w, o, args)
			}
		},
	}
}

// runApps runs the apps of a file until the end.
func runApps(ctx context.Context, w world, o runOptions, args []string) error {
	signals := listen() // first: a SIGHUP would end this process before
	defer signals.close()
	set, report, err := convert(ctx, o, args)
	if err != nil {
		return err
	}
	activator, agent, err := tools()
	if err != nil {
		return err
	}
	// What the conversion took is not needed again. As in gopm-activator@.service:
	debug.SetGCPercent(50)
	debug.FreeOSMemory()
	run, err := (control.Process{UID: os.Getuid(), Runtime: w.getenv("XDG_RUNTIME_DIR")}).NewRun()
	if err != nil {
		return err
	}
	defer run.Close()
	lines := newPrinter(w.stdout, w.stderr, styleOf(w, o, report))
	defer lines.close()
	for _, text := range refused(report) {
		lines.print(runner.Line{At: time.Now(), Instance: -1, Kind: runner.Process, Text: []byte(text)})
	}
	return runner.Run(ctx, runner.Options{
		Units:     set.Files(),
		Runtime:   run.Manager,
		Activator: activator, Agent: agent,
		Environ: os.Environ(),
		Host:    os.DirFS("/"),
		Lines:   lines.print,
		Notify:  func(state string) { _, _ = daemon.SdNotify(false, state) }, // there may be none, or none any more
		Reload:  signals.reload,
		Hurry:   signals.hurry,
	})
}

// convert makes the units that gopm-gen would.
func convert(ctx context.Context, o runOptions, args []string) (set units.Set, report generator.Report, err error) {
	host := machine.Host()
	var name string
	if len(args) > 0 {
		name = args[0]
	} else {
		found, problem := machine.Find(host, "gopm run")
		if problem != nil {
			return set, report, problemsOf([]*ecosystem.Problem{problem})
		}
		name = found
	}
	file, problems := ecosystem.Load(ctx, host, name, ecosystem.Options{Env: o.env, Only: o.only, Node: o.node})
	if len(problems) > 0 {
		return set, report, problemsOf(problems)
	}
	options := generator.Options{Root: path.Dir(file.Path), Systemd: newestSystemd, SourceExists: true}
	// Accounts are root's to give. An app that names none runs as who runs gopm.
	if host.UID == 0 {
		options.ServiceUser = "root"
	} else {
		options.User = true
	}
	result, problems := generator.Generate(file, options)
	if len(problems) > 0 {
		return set, report, problemsOf(problems)
	}
	return result.Units, result.Report, nil
}

// refused is what of the file nobody does.
func refused(report generator.Report) []string {
	var out []string
	for _, app := range report.Apps {
		for _, note := range app.Notes {
			if note.Fate == ecosystem.Refused {
				out = append(out, fmt.Sprintf("%s: %s: %s", app.Name, note.Key, note.Text))
			}
		}
	}
	return out
}

// newestSystemd: the runner knows all that any of them knows.
const newestSystemd = 300

// problemsOf is all that is wrong with a file, a line for each.
func problemsOf(problems []*ecosystem.Problem) error {
	var all []error
	for _, p := range problems {
		text := p.Error()
		if p.Hint != "" {
			text += "\nhint: " + p.Hint
		}
		all = append(all, errors.New(text))
	}
	return errors.Join(all...)
}

// tools finds what belongs to gopm: beside its own file, or where packages put it.
func tools() (activator, agent string, err error) {
	own, err := os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("find gopm itself: %w", err)
	}
	activator = filepath.Join(filepath.Dir(own), "gopm-activator")
	if _, err := os.Stat(activator); err != nil {
		if activator, err = exec.LookPath("gopm-activator"); err != nil {
			return "", "", fmt.Errorf("find gopm-activator: it is neither beside %s nor in PATH", own)
		}
		if activator, err = filepath.Abs(activator); err != nil {
			return "", "", err
		}
	}
	agent = filepath.Join(filepath.Dir(activator), "../lib/gopm/agent.cjs")
	if _, err := os.Stat(agent); err != nil {
		agent = units.Agent
	}
	if _, err := os.Stat(agent); err != nil {
		return "", "", fmt.Errorf("find what is loaded into workers: %w; it comes with gopm", err)
	}
	return activator, agent, nil
}

// signals are those that steer a run.
type signals struct {
	came          chan os.Signal
	reload, hurry chan struct{}
}

// listen begins to take them. The first SIGTERM or SIGINT ends ctx of main; a
// SIGINT after it hurries. A second SIGTERM does not: whoever manages containers may
// send it again, and nobody wants that to cost a request.
func listen() *signals {
	s := &signals{make(chan os.Signal, 8), make(chan struct{}, 1), make(chan struct{})}
	// Without SIGPIPE, who reads the lines and ends would end the apps too.
	signal.Notify(s.came, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE)
	go func() {
		ending, hurried := false, false
		for c := range s.came {
			switch {
			case c == unix.SIGHUP:
				select {
				case s.reload <- struct{}{}:
				default: // one is asked for already
				}
			case c == unix.SIGINT && ending && !hurried:
				hurried = true
				close(s.hurry)
			case c == unix.SIGINT || c == unix.SIGTERM:
				ending = true
			}
		}
	}()
	return s
}

func (s *signals) close() {
	signal.Stop(s.came)
	close(s.came)
}

// styleOf is how lines are printed.
func styleOf(w world, o runOptions, report generator.Report) style {
	s := style{json: o.json, raw: o.raw}
	s.colour = terminal.Of(w.stdout, w.getenv).Colour
	for _, app := range report.Apps {
		s.width = max(s.width, utf8.RuneCountInString("0|"+app.Name))
	}
	return s
}
