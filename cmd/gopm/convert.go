package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/gopm/gopm/units"
)

// conversion is what gopm-gen makes of an ecosystem file (--print-units in
// gopm-gen(1)).
type conversion struct {
	Apps []struct {
		Name  string `json:"name"`
		Notes []struct {
			Key  string `json:"key"`
			Fate string `json:"fate"`
			Text string `json:"text"`
		} `json:"notes"`
	} `json:"apps"`
	Units []units.File `json:"units"`
}

// refused is what of the file nobody does.
func (c conversion) refused() []string {
	var out []string
	for _, app := range c.Apps {
		for _, note := range app.Notes {
			if note.Fate == "refused" {
				out = append(out, fmt.Sprintf("%s: %s: %s", app.Name, note.Key, note.Text))
			}
		}
	}
	return out
}

// saidError is the exit code of a program that has said itself what is wrong.
type saidError int

func (e saidError) Error() string { return fmt.Sprintf("it ended with exit code %d", int(e)) }

// newestSystemd has gopm-gen leave nothing out: the runner knows all that any
// systemd knows.
const newestSystemd = "300"

// convert has gopm-gen make the units: the programs that evaluate JavaScript are not
// worth their memory to one that may run for months.
func convert(ctx context.Context, w world, generator string, o runOptions, file []string) (c conversion, err error) {
	args := []string{"--print-units", "--systemd-version", newestSystemd}
	// Accounts are root's to give. An app that names none runs as who runs gopm.
	if os.Getuid() == 0 {
		args = append(args, "--service-user", "root")
	} else {
		args = append(args, "--user")
	}
	if o.env != "" {
		args = append(args, "--env", o.env)
	}
	if len(o.only) > 0 {
		args = append(args, "--only", strings.Join(o.only, ","))
	}
	if o.node {
		args = append(args, "--node")
	}
	command := exec.CommandContext(ctx, generator, append(append(args, "--"), file...)...)
	command.Stdin, command.Stderr = w.stdin, w.stderr
	text, err := command.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return c, ctx.Err()
	case errors.As(err, &exit) && exit.Exited():
		return c, saidError(exit.ExitCode())
	case err != nil:
		return c, fmt.Errorf("run gopm-gen: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read what %s prints: %w; is it of another version?", generator, err)
	}
	return c, nil
}
