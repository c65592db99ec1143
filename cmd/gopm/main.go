// Command gopm is what people type: it runs apps where systemd does not, and
// shows and steers them where it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/agext/levenshtein"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

// version is set by the linker.
var version = "devel"

// Exit codes, which gopm(1) promises.
const (
	exitFailed = 1
	exitUsage  = 2
	exitDenied = 4 // as systemctl(1) has it
)

// errUsage tells that the command line makes no sense.
var errUsage = errors.New("usage")

// errDenied tells that the user may not do this.
var errDenied = errors.New("needs root")

// world is what a verb sees of the machine.
type world struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	stdout := &output{File: os.Stdout}
	err := stdout.or(run(ctx, os.Args[1:], world{os.Stdin, stdout, os.Stderr, os.Getenv}))
	if err == nil {
		return
	}
	if said, ok := errors.AsType[saidError](err); ok {
		os.Exit(int(said))
	}
	fmt.Fprintf(os.Stderr, "gopm: error: %v\n", err)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "hint: gopm --help")
		os.Exit(exitUsage)
	case errors.Is(err, errDenied):
		os.Exit(exitDenied)
	}
	os.Exit(exitFailed)
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
		lsVerb(),
		describeVerb(),
		jlistVerb(),
		reloadVerb(),
		restartVerb(),
		startVerb(),
		stopVerb(),
		scaleVerb(),
		sendVerb(),
		signalVerb(),
		envVerb(),
		logsVerb(),
		monitVerb(),
	}
}

// run finds the verb and runs it.
func run(ctx context.Context, args []string, w world) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: give a verb", errUsage)
	}
	switch args[0] {
	case "--help", "-h", "help":
		if len(args) == 2 && args[0] == "help" {
			return run(ctx, []string{args[1], "--help"}, w)
		}
		return printHelp(w.stdout)
	case "--version", "-V", "-v", "version":
		fmt.Fprintln(w.stdout, "gopm", version)
		return nil
	}
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return slices.Contains(v.names, args[0]) })
	if i < 0 {
		return unknownVerb(all, args[0], w)
	}
	v := all[i]
	flags := pflag.NewFlagSet("gopm "+v.names[0], pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := v.flags(flags)
	help := flags.BoolP("help", "h", false, "print this help")
	if err := flags.Parse(shield(flags, args[1:])); err != nil {
		return fmt.Errorf("%w: gopm %s: %w", errUsage, v.names[0], err)
	}
	if *help {
		fmt.Fprintf(w.stdout, "gopm %s: %s\n\nUsage:\n  gopm %s %s\n\nExamples:\n%s\nOptions:\n%s", v.names[0], v.about, strings.Join(v.names, "|"), v.args, v.examples, flags.FlagUsages())
		return nil
	}
	words := flags.Args()
	for i, word := range words {
		words[i] = strings.TrimPrefix(word, shielded)
	}
	return explain(interrupted(ctx, do(ctx, w, words)), args)
}

// interrupted says of a verb that a signal has ended what becomes of its work: service
// managers and activators finish what they have begun.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("interrupted; what was asked for by then goes on, and gopm ls shows it")
}

// negative is a number that must not be taken for a flag.
var negative = regexp.MustCompile(`^-\d+$`)

// shielded begins a negative number while flags are parsed. No argument of a
// process has it.
const shielded = "\x00"

// shield has negative numbers be no flags, unless they are the value of one.
func shield(flags *pflag.FlagSet, args []string) []string {
	out := slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if negative.MatchString(arg) && (i == 0 || !wantsValue(flags, args[i-1])) {
			out[i] = shielded + arg
		}
	}
	return out
}

// wantsValue tells whether an argument is a flag whose value is the next one.
func wantsValue(flags *pflag.FlagSet, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	flag := flags.Lookup(name)
	return long && flag != nil && flag.NoOptDefVal == ""
}

// explain says of a refusal in one line what to do about it.
func explain(err error, args []string) error {
	bySystemd := errors.Is(err, systemd.ErrDenied)
	if !bySystemd && !errors.Is(err, control.ErrDenied) && !errors.Is(err, fs.ErrPermission) || os.Getuid() == 0 {
		return err
	}
	or := ""
	if bySystemd {
		or = " (or a rule of polkit's that lets you)"
	}
	return fmt.Errorf("gopm %s %w%s: sudo gopm %s", args[0], errDenied, or, strings.Join(args, " "))
}

// nearest is the one of words that somebody may have meant; empty where none is
// near.
func nearest(word string, words []string) string {
	const mostOff = 2
	best, found := mostOff+1, ""
	for _, w := range words {
		if off := levenshtein.Distance(word, w, nil); off < best && off < len(word) {
			best, found = off, w
		}
	}
	return found
}

// unknownVerb answers a word that is no verb: what of PM2's has another way
// here, or what was meant.
func unknownVerb(all []verb, word string, w world) error {
	if answer, ok := pm2Words[word]; ok {
		return answer.give(word, w)
	}
	var names []string
	for _, v := range all {
		names = append(names, v.names...)
	}
	if meant := nearest(word, names); meant != "" {
		return fmt.Errorf("%w: there is no verb %q; did you mean %s?", errUsage, word, meant)
	}
	return fmt.Errorf("%w: there is no verb %q", errUsage, word)
}

func printHelp(out io.Writer) error {
	fmt.Fprint(out, "gopm: run Node apps, and see and steer those that systemd runs\n\nUsage:\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range verbs() {
		fmt.Fprintf(table, "  gopm %s\t%s\n", strings.TrimSpace(strings.Join(v.names, "|")+" "+v.args), v.about)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, "\nAPP is an app's name, APP@2 its instance 2, and all is every app.\ngopm VERB --help tells more of each; so does gopm(1)\n")
	return err
}
