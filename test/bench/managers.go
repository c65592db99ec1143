package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/gopm/gopm/test/pm2"
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

const (
	pm2OnMachine = "/opt/pm2"
	pm2Home      = "/root/.pm2"
)

// pm2Daemon is the peer.
type pm2Daemon struct{ *site.Site }

func (pm2Daemon) name() string { return "PM2 " + pm2.Version }

// run calls PM2 with the Node that the workers of gopm have.
func (p pm2Daemon) run(ctx context.Context, args ...string) error {
	command := append([]string{
		"PATH=/opt/node-24/bin:/usr/bin:/bin", "HOME=/root", "PM2_HOME=" + pm2Home, "NODE_ENV=production", "PORT=3000",
		"node", pm2OnMachine + "/node_modules/pm2/bin/pm2",
	}, args...)
	_, err := p.Run(ctx, "env", command...)
	return err
}

func (p pm2Daemon) start(ctx context.Context) error {
	return p.run(ctx, "start", site.Root+"/src/index.js", "--name", "my-api", "-i", strconv.Itoa(workers))
}

func (p pm2Daemon) reload(ctx context.Context) error { return p.run(ctx, "reload", "my-api") }

func (p pm2Daemon) stop(ctx context.Context) error { return p.run(ctx, "kill") }

func (p pm2Daemon) supervisor(context.Context) (int, error) {
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
