// Command demo shows what gopm does, on a machine of its own: it converts the
// example app, starts it under a booted systemd, and reloads, crashes and
// breaks it while wrk sends requests. It exits with 1 where a request failed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gopm/gopm/test/site"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, out io.Writer) (err error) {
	begun := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%5.1f s  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
	}

	say("build gopm, install it into a staging folder, npm ci for examples/my-api")
	stage, err := site.NewStage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	say("gopm-gen --app-root %s examples/my-api/ecosystem.config.js", site.Root)
	for line := range strings.Lines(stage.Report) {
		fmt.Fprintf(out, "         | %s", line)
	}

	s, err := stage.Boot(ctx, site.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	version, err := s.Run(ctx, "systemctl", "--version")
	if err != nil {
		return err
	}
	version, _, _ = strings.Cut(version, "\n")
	say("booted a machine with %s", version)

	if err := s.Start(ctx); err != nil {
		return err
	}
	pids, err := s.PIDs()
	if err != nil {
		return err
	}
	say("systemctl start my-api.target: %s ready, one for each CPU", workers(len(pids)))
	say("from here on wrk sends requests: %s", loads())

	var done []outcome
	for _, step := range steps() {
		o, err := perform(ctx, s, step)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", step.name, err), journal(s))
		}
		say("%s: %s; %s", step.name, o.happened, o.total())
		done = append(done, o)
	}
	fmt.Fprintf(out, "\nrequests answered and failed, as wrk counts them:\n%s\n", table(done))
	if failed := failures(done); failed > 0 {
		return errors.Join(fmt.Errorf("%d requests failed", failed), journal(s))
	}
	return nil
}

func workers(n int) string {
	if n == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", n)
}

// journal is what the activator and the workers logged, as an error.
func journal(s *site.Site) error {
	// The demo's own context may have ended.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := s.Journal(ctx, "*my-api*")
	if err != nil {
		return err
	}
	return fmt.Errorf("the journal says:\n%s", text)
}
