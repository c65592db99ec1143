// Command conversion measures how long gopm-gen takes to convert an ecosystem
// file, as a whole process, beside a Node that does nothing and one that reads
// the file as PM2 does. Only the ratios mean something: machines differ.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/pm2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	runs := flag.Int("runs", 60, "how often each program runs")
	flag.Parse()
	if err := bench(ctx, os.Stdout, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// bench prints a Markdown table.
func bench(ctx context.Context, out io.Writer, runs int) error {
	work, err := os.MkdirTemp("", "gopm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s := setting{work: work}
	if s.pm2, err = pm2.Folder(ctx); err != nil {
		return err
	}
	if s.node, err = nodes.Path(24); err != nil {
		return err
	}
	if err := s.build(ctx); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "| one conversion, ms\t| gopm-gen\t| node -e 0\t| PM2 %s reads it\t| ratio\t| and all that pm2 loads\t| ratio\t|\n", pm2.Version)
	fmt.Fprintf(w, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|\n")
	for _, c := range cases() {
		rivals, err := s.prepare(c)
		if err != nil {
			return err
		}
		all, err := measure(ctx, rivals, runs)
		if err != nil {
			return err
		}
		ours, nothing, theirs := all[0], all[1], all[2:]
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t|", c.title, ours.took, nothing.took)
		if len(theirs) == 0 {
			fmt.Fprint(w, " reads none\t| \t| \t| \t|")
		}
		for _, t := range theirs {
			fmt.Fprintf(w, " %s\t| %s\t|", t.took, ours.ratio(t))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
