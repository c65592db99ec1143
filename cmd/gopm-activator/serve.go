package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/systemd"
)

// serve is the activator itself, until SIGTERM.
func serve(ctx context.Context, app string) error {
	settings, err := activator.ReadSettings(app, os.Getenv)
	if err != nil {
		return err
	}
	// One goroutine does nearly all the work. With more threads the others would be
	// woken for what it has done before they are there.
	runtime.GOMAXPROCS(1)
	// By default a heap grows to 4 MiB before it is collected (GOGC=100). This one
	// holds little, and there is an activator for each app.
	debug.SetGCPercent(25)
	return activator.Run(ctx, settings, activator.Environment{
		Getenv:   os.Getenv,
		Host:     os.DirFS("/"),
		Journal:  os.Stderr,
		Journald: activator.StderrIsJournal(),
		Manager:  systemd.New(context.WithoutCancel(ctx), manager(), settings.Unit()),
		Passed:   activation.Files(true),
	})
}
