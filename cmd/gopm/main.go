// Command gopm is what people type: it runs apps where systemd does not, and
// shows and steers them where it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// version is set by the linker.
var version = "devel"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errUsage tells that the command line makes no sense.
var errUsage = errors.New("usage")

// world is what a verb sees of the machine.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	err := run(ctx, os.Args[1:], world{os.Stdin, os.Stdout, os.Stderr, os.Getenv})
	switch {
	case err == nil:
		return
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "gopm: error: %v\nhint: gopm --help\n", err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintf(os.Stderr, "gopm: error: %v\n", err)
		os.Exit(exitFailed)
	}
}

// verb is one thing that gopm does. Each has a file of its own.
type verb struct {
	names    []string // the first is shown, the others are what fingers know
	args     string   // such as "APP…"
	about    string   // one line
	examples string
	// flags adds the verb's flags and returns what runs it.
	flags func(*pflag.FlagSet) func(ctx context.Context, w world, args []string) error
}

// verbs are all of them, in the order of the help.
func verbs() []verb {
	return []verb{
		runVerb(),
		reloadVerb(),
	}
}

// run finds the verb and runs it.
func run(ctx context.Context, args []string, w world) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: give a verb", errUsage)
	}
	switch args[0] {
	case "--help", "-h", "help":
		return printHelp(w.stdout)
	case "--version", "-V", "version":
		fmt.Fprintln(w.stdout, "gopm", version)
		return nil
	}
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return slices.Contains(v.names, args[0]) })
	if i < 0 {
		return fmt.Errorf("%w: there is no verb %q", errUsage, args[0])
	}
	v := all[i]
	flags := pflag.NewFlagSet("gopm "+v.names[0], pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := v.flags(flags)
	help := flags.BoolP("help", "h", false, "print this help")
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("%w: gopm %s: %w", errUsage, v.names[0], err)
	}
	if *help {
		fmt.Fprintf(w.stdout, "gopm %s: %s\n\nUsage:\n  gopm %s %s\n\nExamples:\n%s\nOptions:\n%s", v.names[0], v.about, v.names[0], v.args, v.examples, flags.FlagUsages())
		return nil
	}
	return do(ctx, w, flags.Args())
}

func printHelp(out io.Writer) error {
	fmt.Fprint(out, "gopm: run Node apps, and see and steer those that systemd runs\n\nUsage:\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range verbs() {
		fmt.Fprintf(table, "  gopm %s %s\t%s\n", strings.Join(v.names, "|"), v.args, v.about)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, "\ngopm VERB --help tells more of each; so does gopm(1)\n")
	return err
}
