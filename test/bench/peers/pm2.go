package peers

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gopm/gopm/test/bench/results"
)

// daemon is PM2, below the unit that `pm2 startup systemd` makes, with what
// `pm2 save` saved.
type daemon struct {
	Stage
	saved int  // workers that `pm2 save` last saved; 0 means others
	shell bool // started from a shell, not by its unit
}

func (*daemon) Name() string { return results.PM2 }

const (
	pm2Home    = "/root/.pm2"
	pm2Program = pm2Root + "/node_modules/pm2/bin/pm2"
	pm2Unit    = "pm2-root.service"
	pm2Path    = node + ":/usr/bin:/bin"
)

// pm2Service is lib/templates/init-scripts/systemd.tpl of PM2, filled in.
var pm2Service = []string{
	"[Service]",
	"Type=forking",
	"User=root",
	"LimitNOFILE=infinity",
	"LimitNPROC=infinity",
	"LimitCORE=infinity",
	"Environment=PATH=" + pm2Path,
	"Environment=PM2_HOME=" + pm2Home,
	"PIDFile=" + pm2Home + "/pm2.pid",
	"Restart=on-failure",
	"ExecStart=" + pm2Program + " resurrect",
	"ExecReload=" + pm2Program + " reload all",
	"ExecStop=" + pm2Program + " kill",
}

// call calls PM2 from a shell.
func (d *daemon) call(ctx context.Context, args ...string) error {
	_, err := d.Run(ctx, "env", append([]string{"PATH=" + pm2Path, "HOME=/root", "PM2_HOME=" + pm2Home, pm2Program}, args...)...)
	return err
}

func (d *daemon) Prepare(ctx context.Context, s Setup) error {
	if err := d.secure(ctx, s.TLS); err != nil {
		return err
	}
	if err := d.write(bench(s.Workers)); err != nil {
		return err
	}
	if d.saved == s.Workers {
		return nil
	}
	if err := d.save(ctx); err != nil {
		return err
	}
	d.saved = s.Workers
	return nil
}

// save has PM2 know the apps of the file, and nothing else, at the next boot.
func (d *daemon) save(ctx context.Context) error {
	if err := d.unit(pm2Unit, pm2Service...); err != nil {
		return err
	}
	if _, err := d.Systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	for _, args := range [][]string{{"start", ecosystem}, {"save"}, {"kill"}} {
		if err := d.call(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) Start(ctx context.Context) error {
	_, err := d.Systemctl(ctx, "start", pm2Unit)
	return err
}

func (d *daemon) Reload(ctx context.Context) error { return d.call(ctx, "reload", "bench") }

func (d *daemon) Stop(ctx context.Context) error {
	if d.shell {
		d.shell = false
		return d.call(ctx, "kill")
	}
	_, err := d.Systemctl(ctx, "stop", pm2Unit)
	return err
}

func (d *daemon) Supervisors(context.Context) ([]int, error) {
	text, err := d.ReadFile(pm2Home + "/pm2.pid")
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("find PM2's daemon: %w", err)
	}
	return []int{pid}, nil
}

// FirstStart does all that is between an ecosystem file and an app that runs.
func (d *daemon) FirstStart(ctx context.Context, workers int) error {
	if err := d.secure(ctx, false); err != nil {
		return err
	}
	if err := d.write(bench(workers)); err != nil {
		return err
	}
	d.shell = true
	return d.call(ctx, "start", ecosystem)
}

// StartMany starts n apps of one worker each.
func (d *daemon) StartMany(ctx context.Context, n int, mode Mode) error {
	if err := d.write(many(n, mode)); err != nil {
		return err
	}
	d.saved = 0
	if err := d.save(ctx); err != nil {
		return err
	}
	return d.Start(ctx)
}

// StopMany stops them.
func (d *daemon) StopMany(ctx context.Context, _ int) error { return d.Stop(ctx) }

// ManySupervisors is the daemon.
func (d *daemon) ManySupervisors(ctx context.Context) ([]int, error) { return d.Supervisors(ctx) }
