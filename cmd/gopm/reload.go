package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
)

func reloadVerb() verb {
	return verb{
		names:    []string{"reload"},
		args:     "APP",
		about:    "replace every worker, without losing a request",
		examples: "  gopm reload my-api      exits with 1 where the reload was aborted\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			quiet := flags.BoolP("quiet", "q", false, "print nothing but an error")
			return func(ctx context.Context, w world, args []string) error {
				if len(args) != 1 {
					return fmt.Errorf("%w: gopm reload APP", errUsage)
				}
				err := control.Ask(ctx, control.System.Address(args[0]), control.Hello{Verb: control.Reload}, func(line string) {
					if !*quiet {
						fmt.Fprintln(w.stdout, line)
					}
				})
				if err != nil {
					return fmt.Errorf("reload %s: %w", args[0], err)
				}
				return nil
			}
		},
	}
}
