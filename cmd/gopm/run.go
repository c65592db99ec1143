package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/runner"
	"github.com/gopm/gopm/terminal"
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
				tools, err := findTools()
				if err != nil {
					return err
				}
				return runApps(ctx, w, o, args, tools)
			}
		},
	}
}

// runApps runs the apps of a file until the end.
func runApps(ctx context.Context, w world, o runOptions, args []string, tools tools) error {
	signals := listen() // first: a SIGHUP would end this process before
	defer signals.close()
	converted, err := convert(ctx, w, tools.generator, o, args)
	if ctx.Err() != nil {
		return nil // it was told to end before anything ran
	}
	if err != nil {
		return err
	}
	debug.SetGCPercent(50) // as in gopm-activator@.service
	run, err := (control.Process{UID: os.Getuid(), Runtime: w.getenv("XDG_RUNTIME_DIR")}).NewRun()
	if err != nil {
		return err
	}
	defer run.Close()
	stdout := w.stdout
	if out, ok := stdout.(*output); ok {
		stdout = out.File // the apps go on without it, so its loss is no failure of the run
	}
	lines := newPrinter(stdout, w.stderr, styleOf(w, o, converted))
	defer lines.close()
	for _, text := range converted.refused() {
		lines.print(runner.Line{At: time.Now(), Instance: -1, Kind: runner.Process, Text: []byte(text)})
	}
	return runner.Run(ctx, runner.Options{
		Units:     converted.Units,
		Runtime:   run.Manager,
		Activator: tools.activator, Agent: tools.agent,
		Environ: os.Environ(),
		Host:    os.DirFS("/"),
		Lines:   lines.print,
		Notify:  func(state string) { _, _ = daemon.SdNotify(false, state) }, // there may be none, or none any more
		Reload:  signals.reload,
		Hurry:   signals.hurry,
	})
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
func styleOf(w world, o runOptions, c conversion) style {
	s := style{json: o.json, raw: o.raw}
	s.colour = terminal.Of(w.stdout, w.getenv).Colour
	for _, app := range c.Apps {
		s.width = max(s.width, utf8.RuneCountInString("0|"+app.Name))
	}
	return s
}
