package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

func signalVerb() verb {
	return verb{
		names:    []string{"signal", "sendSignal"},
		args:     "SIGNAL APP…",
		about:    "send a signal to the main process of workers",
		examples: "  gopm signal SIGUSR2 my-api\n  gopm signal USR1 my-api@0     opens Node's inspector\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			return func(ctx context.Context, w world, args []string) error {
				if len(args) < 2 {
					return fmt.Errorf("%w: give a signal and an app", errUsage)
				}
				signal, err := parseSignal(args[0])
				if err != nil {
					return err
				}
				s := newSite(ctx, w, *user)
				chosen, err := s.choose(ctx, args[1:])
				if err != nil {
					return err
				}
				return each(chosen, func(c choice) error { return s.signal(ctx, w, c, signal) })
			}
		},
	}
}

func (s site) signal(ctx context.Context, w world, c choice, signal unix.Signal) error {
	sent := 0
	for _, worker := range c.workers() {
		if !worker.Runs() {
			continue
		}
		if err := s.of(c.app).Kill(ctx, worker.Unit, signal); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "%s to %s (pid %d)\n", unix.SignalName(signal), worker.Unit, worker.PID)
		sent++
	}
	if sent == 0 {
		return fmt.Errorf("signal %s: it is not running", c.name())
	}
	return nil
}

// parseSignal reads a signal's name, with or without SIG, or its number.
func parseSignal(word string) (unix.Signal, error) {
	if n, err := strconv.Atoi(word); err == nil && unix.SignalName(unix.Signal(n)) != "" {
		return unix.Signal(n), nil
	}
	name := "SIG" + strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if signal := unix.SignalNum(name); signal != 0 {
		return signal, nil
	}
	return 0, fmt.Errorf("%w: %q is no signal; kill -l lists them", errUsage, word)
}
