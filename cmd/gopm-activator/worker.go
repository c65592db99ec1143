package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// wait returns when the instance is ready. As ExecStartPost= it keeps the unit
// activating until then; it also watches the worker's main process, which
// may end without ever reaching the activator.
func wait(ctx context.Context, at control.Address, args []string, main process) error {
	instance, _, err := instanceOf(args)
	if err != nil {
		return err
	}
	waiting, cancel := while(ctx, main)
	defer cancel()
	err = control.Insist(waiting, at, hello(control.Wait, instance))
	if err == nil {
		return nil
	}
	if context.Cause(waiting) == errEnded {
		err = fmt.Errorf("%s@%d is not ready: %w", at.App, instance, errEnded)
	}
	select {
	case <-ctx.Done():
		return nil // by the signal of a stop: nothing has failed
	case <-time.After(stopMargin):
		return err
	}
}

// errEnded is why there is nothing to wait for.
var errEnded = errors.New("the worker's process has ended")

// stopMargin is how long the signal of a stop may take to reach this process: systemd
// sends it to the worker first, whose end this process and the activator may see before.
const stopMargin = 100 * time.Millisecond

// drainOptions are the times of a stop.
type drainOptions struct {
	timeout time.Duration // until no connection is left
	kill    time.Duration // from SIGINT, or the message, to SIGKILL
	message bool          // PM2's "shutdown" in place of SIGINT
}

// The times for a unit that does not say; the second is PM2's.
const (
	defaultDrain = 30 * time.Second
	defaultKill  = 1600 * time.Millisecond
)

// drain is all of a worker's stop: it returns when the process has ended. That
// must not fail because of the activator: whoever cannot drain is just stopped.
//
// It sends the signals itself, and does not leave them to systemd, because
// TimeoutStopSec= bounds each stage of a stop alike: a time-out that is right
// for an app after its SIGINT would cut a drain short.
func drain(ctx context.Context, at control.Address, args []string, o drainOptions, main process) error {
	instance, _, err := instanceOf(args)
	if err != nil {
		return err
	}
	ctx, stop := while(ctx, main)
	defer stop()
	// The activator ends the drain in time; if it does not answer, we do.
	const margin = 2 * time.Second
	asking, cancel := context.WithTimeout(ctx, o.timeout+margin)
	defer cancel()
	request := hello(control.Drain, instance)
	request.TimeoutMS = o.timeout.Milliseconds()
	request.Message = o.message
	err = control.Insist(asking, at, request)
	if err != nil && context.Cause(ctx) != errEnded {
		lacks := "without a drain"
		if o.message {
			lacks = "by SIGINT, not by a shutdown message"
		}
		fmt.Fprintf(os.Stderr, "gopm-activator: warning: %s@%d is stopped %s: %v\n", at.App, instance, lacks, err)
	}
	first := unix.SIGINT
	if o.message && err == nil {
		first = 0 // none (kill(2)): the message has been sent
	}
	end(ctx, main, o.kill, first)
	return nil
}

// end sends the worker's process a first signal and, where it still runs after
// patience, SIGKILL. ctx ends with the process. Where it is not known, that is left
// to systemd.
func end(ctx context.Context, main process, patience time.Duration, first unix.Signal) {
	if main.pidfd < 0 || ctx.Err() != nil {
		return
	}
	for _, signal := range []unix.Signal{first, unix.SIGKILL} {
		_ = unix.PidfdSendSignal(main.pidfd, signal, nil, 0) // an error: it has just ended
		select {
		case <-ctx.Done():
			return
		case <-time.After(patience):
		}
	}
}

// address is where the activator of an app listens: systemd's or, where it has a
// folder, that of a gopm run. It comes by a flag, since an app's environment is
// the app's to set (see control.Process).
func address(app, runtime string) control.Address {
	if runtime != "" {
		return control.Manager{Runtime: runtime}.Address(app)
	}
	return manager().Address(app)
}

// manager is the service manager that this process belongs to. Where that
// cannot be read it is the system's.
func manager() control.Manager {
	cgroup, _ := os.ReadFile("/proc/self/cgroup")
	return control.Process{
		UID:     os.Getuid(),
		Cgroup:  string(cgroup),
		Runtime: os.Getenv("XDG_RUNTIME_DIR"),
	}.Manager()
}

func hello(verb control.Verb, instance int) control.Hello {
	return control.Hello{Verb: verb, Instance: instance, Invocation: os.Getenv("INVOCATION_ID")}
}

// instanceOf reads "INSTANCE [COMMAND…]".
func instanceOf(args []string) (instance int, rest []string, err error) {
	if len(args) == 0 {
		return 0, nil, fmt.Errorf("%w: give an instance", errUsage)
	}
	instance, err = strconv.Atoi(args[0])
	if err != nil || instance < 0 {
		return 0, nil, fmt.Errorf("%w: %q is not an instance's number", errUsage, args[0])
	}
	return instance, args[1:], nil
}
