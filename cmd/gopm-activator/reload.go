package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gopm/gopm/activator/control"
)

// reload asks for a roll and prints its steps; its error is why the roll was
// aborted.
//
// It does not wait for another activator where the one it asked is killed: as
// ExecReload= (--quiet) it would keep systemd from starting that one.
func reload(ctx context.Context, at control.Address, quiet bool, stdout io.Writer) error {
	err := control.Ask(ctx, at, control.Hello{Verb: control.Reload}, func(line string) {
		if !quiet {
			fmt.Fprintln(stdout, line)
		}
	})
	switch {
	case quiet && (errors.Is(err, control.ErrCanceled) || ctx.Err() != nil):
		return nil // a stop is under way, and this is part of what stops
	case errors.Is(err, control.ErrGone):
		return fmt.Errorf("%w during the reload; the next one goes on with a roll that had begun (journalctl -u gopm-activator@%s); to be sure, reload again", err, at.App)
	case err != nil:
		return fmt.Errorf("reload %s: %w", at.App, err)
	}
	return nil
}
