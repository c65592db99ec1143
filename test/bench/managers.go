package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gopm/gopm/test/cache"
	"github.com/gopm/gopm/test/site"
)

type gopm struct{ *site.Site }

func (gopm) name() string { return "gopm" }

func (g gopm) start(ctx context.Context) error { return g.Start(ctx) }

func (g gopm) reload(ctx context.Context) error {
	_, err := g.Run(ctx, "gopm-activator", "reload", "my-api")
	return err
}

func (g gopm) stop(ctx context.Context) error {
	// The target is not waited for by its own stop job: name what is.
	_, err := g.Systemctl(ctx, "stop", site.Target, site.Activator, site.Socket)
	return err
}

func (g gopm) supervisor(ctx context.Context) (int, error) { return g.MainPID(ctx, site.Activator) }

// pm2Version is the peer.
const (
	pm2Version   = "7.0.4"
	pm2OnMachine = "/opt/pm2"
	pm2Home      = "/root/.pm2"
)

// installPM2 puts PM2 into the cache, once.
func installPM2(ctx context.Context) (string, error) {
	cached, err := cache.Dir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cached, "pm2-"+pm2Version)
	if _, err := os.Stat(filepath.Join(folder, "node_modules/pm2/bin/pm2")); err == nil {
		return folder, nil
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "pm2@"+pm2Version)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install PM2: %w\n%s", err, out)
	}
	return folder, nil
}

type pm2 struct{ *site.Site }

func (pm2) name() string { return "PM2 " + pm2Version }

// run calls PM2 with the Node that the workers of gopm have.
func (p pm2) run(ctx context.Context, args ...string) error {
	command := append([]string{
		"PATH=/opt/node-24/bin:/usr/bin:/bin", "HOME=/root", "PM2_HOME=" + pm2Home, "NODE_ENV=production", "PORT=3000",
		"node", pm2OnMachine + "/node_modules/pm2/bin/pm2",
	}, args...)
	_, err := p.Run(ctx, "env", command...)
	return err
}

func (p pm2) start(ctx context.Context) error {
	return p.run(ctx, "start", site.Root+"/src/index.js", "--name", "my-api", "-i", strconv.Itoa(workers))
}

func (p pm2) reload(ctx context.Context) error { return p.run(ctx, "reload", "my-api") }

func (p pm2) stop(ctx context.Context) error { return p.run(ctx, "kill") }

func (p pm2) supervisor(context.Context) (int, error) {
	text, err := p.ReadFile(pm2Home + "/pm2.pid")
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, errors.New("PM2's daemon has no pid")
	}
	return pid, nil
}
