// Package pm2 provides the PM2 that gopm is measured against.
package pm2

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopm/gopm/test/cache"
)

// Version is the peer.
const Version = "7.0.4"

// Folder returns the folder with PM2 in its node_modules, and installs it there
// the first time.
func Folder(ctx context.Context) (string, error) {
	cached, err := cache.Dir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cached, "pm2-"+Version)
	if _, err := os.Stat(filepath.Join(folder, "node_modules/pm2/bin/pm2")); err == nil {
		return folder, nil
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "pm2@"+Version)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install PM2: %w\n%s", err, out)
	}
	return folder, nil
}
