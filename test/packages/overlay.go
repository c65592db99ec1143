package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// An overlay is this host with a layer of its own on top: what is installed
// there stays there. It needs root.
type overlay struct{ dir string }

// enter mounts the layer over the host's root, and the build folder into it, in
// a mount namespace that ends with the command: nothing is left to be unmounted.
const enter = `
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
for folder in dev proc sys; do mount --rbind "/$folder" "$1/root/$folder"; done
mount --bind "$1/build" "$1/root/mnt"
# No systemd: maintainer scripts take this for what it is, a place to build.
mount -t tmpfs tmpfs "$1/root/run"
exec chroot "$1/root" sh -euc "cd /mnt; $2"
`

// newOverlay makes one below the folder dir.
func newOverlay(dir string) (overlay, error) {
	for _, name := range []string{"upper", "work", "root", "build/bin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return overlay{}, err
		}
	}
	return overlay{dir}, nil
}

// build is the folder that the commands run in.
func (o overlay) build() string { return filepath.Join(o.dir, "build") }

// run runs a script of the shell in the build folder. Its error has all that the
// script printed.
func (o overlay) run(ctx context.Context, script string) error {
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation=private", "sh", "-euc", enter, "sh", o.dir, "set -x\n"+script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the packages of apps: %w\n%s", err, out)
	}
	return nil
}
