package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// execOptions are what differs from worker to worker.
type execOptions struct {
	increments []string // NAME=BASE
	pin        bool
	fork       bool
	agent      string
}

// execWorker makes a connection to the activator and becomes the app's command
// with it: Node takes it for the channel to its parent.
func execWorker(ctx context.Context, at control.Address, args []string, o execOptions) error {
	instance, command, err := instanceOf(args)
	if err != nil {
		return err
	}
	if len(command) == 0 {
		return fmt.Errorf("%w: exec needs a command", errUsage)
	}
	increments, err := parseIncrements(o.increments, instance)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("find %s in PATH: %w", command[0], err)
	}
	// The thread that is bound has to be the one that calls execve(2): its
	// affinity is what the new program gets.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if o.pin {
		if err := pin(instance); err != nil {
			return err
		}
	}
	request := hello(control.Exec, instance)
	request.Fork = o.fork
	attached, err := control.Attach(ctx, at, request)
	if err != nil {
		return err
	}
	descriptors, err := inherit(attached)
	if err != nil {
		return err
	}
	env := workerEnv(os.Environ(), at.App, instance, descriptors, o)
	if stream, err := markErrors(os.Getenv("JOURNAL_STREAM"), at.App); err != nil {
		fmt.Fprintf(os.Stderr, "gopm-activator: warning: %v; standard error counts as output in the journal\n", err)
	} else if stream != "" {
		own := "JOURNAL_STREAM=" + stream
		env = append(without(env, []string{own}), own)
	}
	err = unix.Exec(path, command, append(without(env, increments), increments...))
	return fmt.Errorf("execute %s: %w", path, err)
}

// workerEnv is what Node looks for (lib/internal/cluster and
// lib/internal/process/pre_execution.js; the NODE_CHANNEL_* and NODE_UNIQUE_ID
// are gone again when the app runs), and what PM2 gives and apps look at: name is
// the app's, unless the unit says what its file calls it.
//
// Without NODE_UNIQUE_ID Node is in no cluster. That, and nothing else, is fork
// mode: a shell in between hands the channel on to its child.
func workerEnv(env []string, app string, instance int, from inherited, o execOptions) []string {
	own := []string{
		"NODE_CHANNEL_FD=" + strconv.Itoa(from.channel),
		"NODE_CHANNEL_SERIALIZATION_MODE=json",
		"NODE_APP_INSTANCE=" + strconv.Itoa(instance),
		"pm_id=" + strconv.Itoa(instance),
	}
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "name=") }) {
		own = append(own, "name="+app)
	}
	if len(from.listeners) > 0 {
		own = append(own, "GOPM_LISTEN="+from.text())
	}
	if o.fork {
		return append(without(env, append(own, "NODE_UNIQUE_ID=", "GOPM_LISTEN=")), own...)
	}
	options := "--require=" + o.agent
	for _, v := range env {
		if given, ok := strings.CutPrefix(v, "NODE_OPTIONS="); ok {
			options += " " + given
		}
	}
	own = append(own, "NODE_UNIQUE_ID="+strconv.Itoa(instance+1), "NODE_OPTIONS="+options)
	return append(without(env, own), own...)
}

// without is env without the variables that others set.
func without(env, others []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(o, name+"=") })
	})
}

// parseIncrements turns NAME=BASE into NAME and the number that the instance
// has, as PM2 counts for increment_var.
func parseIncrements(flags []string, instance int) ([]string, error) {
	var env []string
	for _, flag := range flags {
		name, text, _ := strings.Cut(flag, "=")
		base, err := strconv.Atoi(text)
		if name == "" || err != nil {
			return nil, fmt.Errorf("%w: --increment=%s is not NAME=NUMBER", errUsage, flag)
		}
		env = append(env, name+"="+strconv.Itoa(base+instance))
	}
	return env, nil
}

// pin binds the calling thread to one of the CPUs that it may use.
func pin(instance int) error {
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return fmt.Errorf("read CPU affinity: %w", err)
	}
	one := unix.CPUSet{}
	one.Set(cpuOf(&may, instance))
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("bind to one CPU: %w (does the unit's SystemCallFilter= allow sched_setaffinity?)", err)
	}
	return nil
}

// cpuOf is the CPU of an instance: the first for instance 0 and so on, and from
// the first again where there are more instances than CPUs.
func cpuOf(may *unix.CPUSet, instance int) int {
	nth := instance % max(1, may.Count())
	for cpu := range len(may) * strconv.IntSize {
		if !may.IsSet(cpu) {
			continue
		}
		if nth == 0 {
			return cpu
		}
		nth--
	}
	return 0
}
