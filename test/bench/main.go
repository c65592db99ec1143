// Command bench runs one app under gopm and under what it is compared with, one
// after the other on one machine with one Node, and prints what each cost and
// lost. Only the ratios mean something: machines differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/test/bench/measures"
	"github.com/gopm/gopm/test/bench/plots"
	"github.com/gopm/gopm/test/bench/results"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// options are what the command line asks for.
type options struct {
	measures.Settings
	only, peers []string // empty: all
	split, keep bool
	out         string
	readme      string // the file whose tables are written, in place of a run
}

func parse(args []string, stderr io.Writer) (options, error) {
	quick := slices.Contains(args, "-quick") || slices.Contains(args, "--quick")
	o := options{Settings: measures.Full()}
	if quick {
		o.Settings = measures.Quick()
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Bool("quick", quick, "see that it works, in a minute; the figures mean nothing")
	flags.IntVar(&o.Workers, "workers", o.Workers, "of the app")
	flags.IntVar(&o.Rounds, "rounds", o.Rounds, "how often what varies is measured")
	flags.DurationVar(&o.For, "for", o.For, "how long each throughput is measured, a `time`")
	flags.IntVar(&o.Reloads, "reloads", o.Reloads, "how many under each load, of gopm and PM2")
	flags.IntVar(&o.Others, "others", o.Others, "how many under each load, of the other peers")
	only := flags.String("only", "", "`measures`, separated by commas: "+strings.Join(names(), ", "))
	who := flags.String("peers", "", "`names` or parts of them, separated by commas, such as gopm,pm2")
	flags.BoolVar(&o.split, "split", false, "the load on half of the CPUs and the app on the others")
	flags.BoolVar(&o.keep, "keep", false, "keep what -out has of measures that this run doesn't make")
	flags.StringVar(&o.out, "out", "bin/bench", "the `folder` for results.json and the plots")
	flags.StringVar(&o.readme, "readme", "", "measure nothing: write the tables of -out's results.json between the marks of a `file`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("there are no arguments, only flags: %q", flags.Arg(0))
	}
	o.only, o.peers = list(*only), list(*who)
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return o, fmt.Errorf("-only: there is no measure %q, only %s", name, strings.Join(names(), ", "))
		}
	}
	return o, nil
}

// list splits at commas.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
}

// names are what -only takes.
func names() []string {
	var out []string
	for _, m := range measures.All() {
		out = append(out, m.Name)
	}
	for _, a := range alone {
		out = append(out, a.name)
	}
	return out
}

// wants tells whether a measure is to be made.
func (o options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.readme != "" {
		return rewrite(o.readme, o.out)
	}
	begun := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(stderr, "%4.0fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}
	r, measuring := measureAll(ctx, o, say)
	if r == nil {
		return measuring
	}
	if o.keep {
		earlier, err := results.Read(filepath.Join(o.out, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			r.Keep(earlier)
		}
	}
	// What was measured before something failed is worth having.
	return errors.Join(measuring, r.Table(stdout), save(o.out, r), plots.Draw(o.out, r))
}

// rewrite puts the tables of a run into a file.
func rewrite(name, out string) error {
	r, err := results.Read(filepath.Join(out, file))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	rewritten, err := r.Rewrite(string(text))
	if err != nil {
		return fmt.Errorf("write tables into %s: %w", name, err)
	}
	return os.WriteFile(name, []byte(rewritten), 0o644)
}
