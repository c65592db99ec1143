// Package apps installs what the apps of test/testdata/apps need from npm.
package apps

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopm/gopm/test/cache"
)

// Folder returns a folder with the node_modules of the apps in source, and with
// next/.next, what Next.js makes of next/. The first call for a state of source
// makes it, with npm and the given node, in a minute.
func Folder(ctx context.Context, source, node string) (string, error) {
	cached, err := cache.Dir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, pattern := range []string{"package*.json", "next/*.js", "next/pages/*.js", "next/pages/api/v1/*.js"} {
		names, err := filepath.Glob(filepath.Join(source, pattern))
		if err != nil {
			return "", err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return "", err
			}
			sum.Write(text)
		}
	}
	folder := filepath.Join(cached, fmt.Sprintf("apps-%x", sum.Sum(nil)))
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	work := folder + fmt.Sprintf(".%d", os.Getpid())
	if err := os.CopyFS(work, os.DirFS(source)); err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	// Not `npm ci`: it wants Next.js's compilers for other systems, too, which not
	// every mirror of the registry has.
	if err := run(ctx, work, "npm", "install", "--no-save", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	if err := run(ctx, filepath.Join(work, "next"), node, "../node_modules/next/dist/bin/next", "build"); err != nil {
		return "", err
	}
	// Only this makes it visible. Another process may have been first.
	if err := os.Rename(work, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return folder, nil
}

func run(ctx context.Context, folder, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
	}
	return nil
}
