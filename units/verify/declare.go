package verify

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Declare makes the accounts and folders that a set declares, with
// systemd-sysusers(8) and systemd-tmpfiles(8) in root. See [Units] for prefix
// and root.
func Declare(ctx context.Context, prefix []string, root string) error {
	for _, command := range [][]string{
		{"systemd-sysusers", "--root=" + root},
		{"systemd-tmpfiles", "--create", "--root=" + root},
	} {
		args := append(slices.Clone(prefix), command...)
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("run %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
