package main

import (
	"context"
	"os"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/systemd"
)

// serve is the activator itself, until SIGTERM.
func serve(ctx context.Context, app string) error {
	settings, err := activator.ReadSettings(app, os.Getenv)
	if err != nil {
		return err
	}
	return activator.Run(ctx, settings, activator.Environment{
		Getenv:  os.Getenv,
		Host:    os.DirFS("/"),
		Journal: activator.Stderr(os.Stderr),
		Manager: systemd.New(context.WithoutCancel(ctx), manager(), settings.Unit()),
		Passed:  passed(),
	})
}
