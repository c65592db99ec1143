package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/generator/secret"
	"github.com/gopm/gopm/terminal"
)

func envVerb() verb {
	return verb{
		names:    []string{"env"},
		args:     "APP[@INSTANCE]",
		about:    "the environment that a worker was started with",
		examples: "  gopm env my-api            of the first worker that runs; what looks like a secret is hidden\n  sudo gopm env my-api@2 --secrets\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			secrets := flags.Bool("secrets", false, "show secrets too")
			return func(ctx context.Context, w world, args []string) error {
				if len(args) != 1 {
					return fmt.Errorf("%w: give one app", errUsage)
				}
				c, err := newSite(ctx, w, *user).chooseOne(ctx, args[0])
				if err != nil {
					return err
				}
				env, err := environment(os.DirFS("/"), c)
				if err != nil {
					return err
				}
				for _, line := range masked(env, *secrets) {
					fmt.Fprintln(w.stdout, terminal.Plain(line))
				}
				return nil
			}
		},
	}
}

// environment is that of the first worker of those chosen which runs.
func environment(host fs.FS, c choice) ([]string, error) {
	workers := c.workers()
	i := slices.IndexFunc(workers, fleet.Worker.Runs)
	if i < 0 {
		err := fmt.Errorf("read environment of %s: it is not running", c.name())
		if c.app.Run == "" {
			err = fmt.Errorf("%w; systemctl cat '%s@.service' shows what its unit sets", err, c.app.Name)
		}
		return nil, err
	}
	text, err := fs.ReadFile(host, fmt.Sprintf("proc/%d/environ", workers[i].PID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read environment of %s: it has just ended", workers[i].Unit)
	}
	if err != nil {
		return nil, fmt.Errorf("read environment of %s: %w", workers[i].Unit, err)
	}
	var env []string
	for entry := range bytes.SplitSeq(bytes.TrimRight(text, "\x00"), []byte{0}) {
		env = append(env, string(entry))
	}
	slices.Sort(env)
	return env, nil
}

// hidden is in the place of a secret.
const hidden = "(hidden)"

// folders are variables of every shell's, which are called like passwords.
var folders = []string{"PWD", "OLDPWD"}

// masked is an environment as it may be shown.
func masked(env []string, secrets bool) []string {
	var out []string
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !secrets && !slices.Contains(folders, name) && secret.Is(name, value) {
			value = hidden
		}
		out = append(out, name+"="+value)
	}
	return out
}
