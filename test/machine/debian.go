package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gopm/gopm/test/cache"
)

// packages are what a machine has besides the smallest Debian: one root for all
// tests, those too that need no more than systemd and D-Bus.
const packages = "systemd,systemd-sysv,dbus,logrotate,nodejs,rpm"

// debian returns the root of a Debian release with packages, which debootstrap(8)
// makes once and the cache keeps.
func debian(ctx context.Context, release string) (string, error) {
	cached, err := cache.Dir()
	if err != nil {
		return "", fmt.Errorf("find Debian %s: %w", release, err)
	}
	root := filepath.Join(cached, "debian-"+release+"-"+strings.ReplaceAll(packages, ",", "-")) // mount(8) parts its options by commas
	if isFolder(root) {
		return root, nil
	}
	if err := os.MkdirAll(cached, 0o755); err != nil {
		return "", fmt.Errorf("make Debian %s: %w", release, err)
	}
	// The file stays: whoever removed it would let two processes lock two
	// files of one name.
	lock, err := os.OpenFile(root+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("make Debian %s: %w", release, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("make Debian %s: lock %s: %w", release, lock.Name(), err)
	}
	if isFolder(root) { // another process made it while we waited
		return root, nil
	}
	work, err := os.MkdirTemp(cached, "debootstrap-")
	if err != nil {
		return "", fmt.Errorf("make Debian %s: %w", release, err)
	}
	defer os.RemoveAll(work)
	tree := filepath.Join(work, release)
	out, err := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+packages, release, tree).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make Debian %s: run debootstrap: %w\n%s", release, err, out)
	}
	// Only this makes it visible, so that a broken one is never mistaken for
	// a whole one.
	if err := os.Rename(tree, root); err != nil {
		return "", fmt.Errorf("make Debian %s: %w", release, err)
	}
	return root, nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
