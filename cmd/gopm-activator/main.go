// Command gopm-activator shares one listening port among an app's workers and
// replaces them one at a time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/units"
)

// version is set by the linker.
var version = "devel"

const help = `gopm-activator: share one port among an app's workers, replace them one by one

Usage:
  gopm-activator serve APP                     (gopm-activator@APP.service)
  gopm-activator reload APP                    (ExecReload= of the same)
  gopm-activator exec APP INSTANCE -- COMMAND  (ExecStart= of a worker)
  gopm-activator wait APP INSTANCE             (ExecStartPost= of a worker)
  gopm-activator drain APP INSTANCE            (ExecStop= of a worker)

What people type is gopm(1):
  gopm reload my-api
  gopm ls

Options:
`

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errUsage tells that the command line makes no sense.
var errUsage = errors.New("usage")

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdout)
	switch {
	case err == nil:
		return
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "gopm-activator: error: %v\nhint: gopm-activator --help\n", err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintf(os.Stderr, "gopm-activator: error: %v\n", err)
		os.Exit(exitFailed)
	}
}

// options are the flags of all verbs.
type options struct {
	exec execOptions
	// runtime is where the activators of one gopm run are; empty: they are
	// systemd's.
	runtime string
	drain   drainOptions
	quiet   bool
}

// run is the list of verbs.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	flags := pflag.NewFlagSet("gopm-activator", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringArrayVar(&o.exec.increments, "increment", nil, "exec: set a variable to a number plus the instance (`NAME=BASE`)")
	flags.BoolVar(&o.exec.pin, "pin", false, "exec: bind the process to one CPU, each instance to the next")
	flags.BoolVar(&o.exec.fork, "fork", false, "exec: a channel for process.send, but no place in a cluster")
	flags.DurationVar(&o.drain.timeout, "timeout", defaultDrain, "drain: how long connections may take to end")
	flags.DurationVar(&o.drain.kill, "kill-timeout", defaultKill, "drain: how long the process may take after SIGINT")
	flags.BoolVar(&o.drain.message, "message", false, "drain: send the app PM2's shutdown message in place of SIGINT")
	flags.StringVar(&o.exec.agent, "agent", units.Agent, "exec: the file that is loaded into each worker")
	flags.StringVar(&o.runtime, "runtime", "", "the `folder` of a gopm run, whose activator is meant and not systemd's")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "reload: print nothing but an error")
	showVersion := flags.BoolP("version", "V", false, "print the version")
	showHelp := flags.BoolP("help", "h", false, "print this help")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	switch {
	case *showHelp:
		fmt.Fprint(stdout, help, flags.FlagUsages())
		return nil
	case *showVersion:
		fmt.Fprintln(stdout, "gopm-activator", version)
		return nil
	case flags.NArg() < 2:
		return fmt.Errorf("%w: give a verb and an app", errUsage)
	}
	verb, app, rest := flags.Arg(0), flags.Arg(1), flags.Args()[2:]
	if verb == "exec" {
		// A signal ends it at once. One that was only noted here would be lost when the
		// app takes its place, and a stop would wait for that until its time-out.
		return execWorker(ctx, address(app, o.runtime), rest, o.exec)
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	if verb == "serve" {
		return serve(ctx, app)
	}
	at := address(app, o.runtime)
	switch verb {
	case "reload":
		return reload(ctx, at, o.quiet, stdout)
	case "wait":
		return wait(ctx, at, rest, mainProcess(o.runtime != ""))
	case "drain":
		return drain(ctx, at, rest, o.drain, mainProcess(o.runtime != ""))
	}
	return fmt.Errorf("%w: there is no verb %q", errUsage, verb)
}
