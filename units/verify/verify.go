// Package verify asks systemd itself what it thinks of units.
package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gopm/gopm/units"
)

// base are units that every service and target leans on. In an otherwise empty
// root systemd-analyze reports each one that is missing.
var base = []string{
	"basic.target", "multi-user.target", "network.target", "shutdown.target",
	"sockets.target", "sysinit.target", "umount.target",
}

// Stage makes a root that [Units] can judge: the files of the set, the units of
// shipped at its top level, and a stub for every program that they start.
func Stage(root string, set *units.Set, shipped fs.FS) error {
	if err := units.Write(root, set); err != nil {
		return err
	}
	var all units.Set
	for _, name := range base {
		if err := all.Add(path.Join(units.SystemDir, name), "[Unit]\nDescription=Stub\n"); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(shipped, ".")
	if err != nil {
		return fmt.Errorf("read the shipped units: %w", err)
	}
	for _, e := range entries {
		if !isUnit(e.Name()) {
			continue
		}
		text, err := fs.ReadFile(shipped, e.Name())
		if err != nil {
			return fmt.Errorf("read the shipped units: %w", err)
		}
		if err := all.Add(path.Join(units.SystemDir, e.Name()), string(text)); err != nil {
			return err
		}
	}
	if err := units.Write(root, &all); err != nil {
		return err
	}
	for _, f := range append(set.Files(), all.Files()...) {
		for _, program := range programs(f.Text) {
			if err := stub(root, program); err != nil {
				return err
			}
		}
	}
	return nil
}

// isUnit reports whether a file is one of the kinds that gopm has.
func isUnit(name string) bool {
	return slices.Contains([]string{".service", ".socket", ".target", ".timer"}, path.Ext(name))
}

// programs lists the programs that a unit starts.
func programs(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		key, command, ok := strings.Cut(line, "=")
		if !ok || !strings.HasPrefix(key, "Exec") {
			continue
		}
		word, _, _ := strings.Cut(command, " ")
		word = strings.ReplaceAll(strings.TrimLeft(word, "@-:+!"), "%%", "%")
		if !strings.HasPrefix(word, "/") {
			word = "/usr/bin/" + word
		}
		out = append(out, word)
	}
	return out
}

// stub makes a program that does nothing.
func stub(root, program string) error {
	name := filepath.Join(root, program)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("make a stub: %w", err)
	}
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
		return fmt.Errorf("make a stub: %w", err)
	}
	return nil
}

// Names lists what to ask about a set: its units, with an instance for each
// template and each drop-in of a template's instance.
func Names(set *units.Set) []string {
	var out []string
	for _, f := range set.Files() {
		name, below := strings.CutPrefix(f.Path, units.SystemDir+"/")
		if !below {
			continue
		}
		if unit, _, dropIn := strings.Cut(name, ".d/"); dropIn {
			name = unit
		}
		if isUnit(name) {
			out = append(out, strings.Replace(name, "@.", "@0.", 1))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Units returns the lines that `systemd-analyze verify` prints about units in
// root. It exits 0 on much that is wrong, an unknown key for one: every line is
// a mistake. The words of prefix go before the command, so that it can be asked
// in another root with another systemd; root is a path as seen there.
func Units(ctx context.Context, prefix []string, root string, names ...string) ([]string, error) {
	args := append(slices.Clone(prefix), "systemd-analyze", "verify", "--man=no", "--root="+root)
	args = append(args, names...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || out.Len() == 0) {
		return nil, fmt.Errorf("run %s: %w", strings.Join(args, " "), err)
	}
	text := strings.TrimSpace(out.String())
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\n"), nil
}

// Exposure returns the last line of `systemd-analyze security` about a unit in
// root, a figure from 0 (safe) to 10. See [Units] for prefix and root.
func Exposure(ctx context.Context, prefix []string, root, name string) (string, error) {
	args := append(slices.Clone(prefix), "systemd-analyze", "security", "--no-pager", "--offline=true", "--root="+root, name)
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", strings.Join(args, " "), err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], nil
}
