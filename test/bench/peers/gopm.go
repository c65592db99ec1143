package peers

import (
	"context"
	"fmt"

	"github.com/gopm/gopm/test/bench/results"
)

// gopm is converted from the ecosystem file that PM2 reads, as its README says.
type gopm struct{ Stage }

func (*gopm) Name() string { return results.Ours }

const gopmActivator = "gopm-activator@bench.service"

func (g *gopm) Prepare(ctx context.Context, s Setup) error {
	if err := g.secure(ctx, s.TLS); err != nil {
		return err
	}
	if err := g.write(bench(s.Workers)); err != nil {
		return err
	}
	return g.convert(ctx, 1)
}

// convert turns the file's apps into units. /usr is read-only here, so they go to
// /etc, as an administrator's do.
func (g *gopm) convert(ctx context.Context, apps int) error {
	const build = "/tmp/build"
	script := `set -e
rm -rf ` + build + `
gopm-gen --app-root ` + root + ` --output ` + build + ` ` + ecosystem + ` >&2
cp -r ` + build + `/usr/lib/systemd/system/. /etc/systemd/system/
cp -r ` + build + `/usr/lib/sysusers.d/. /etc/sysusers.d/
systemd-sysusers`
	if _, err := g.Run(ctx, "mkdir", "-p", "/etc/sysusers.d"); err != nil {
		return err
	}
	if _, err := g.Run(ctx, "sh", "-c", script); err != nil {
		return fmt.Errorf("convert the ecosystem file: %w", err)
	}
	// The Node of all peers, first in the workers' PATH.
	path := "Environment=PATH=" + node + ":/usr/local/bin:/usr/bin:/bin"
	names := []string{"bench"}
	if apps > 1 {
		names = nil
		for i := range apps {
			names = append(names, fmt.Sprintf("small-%d", i))
		}
	}
	for _, name := range names {
		if err := g.unit(name+"@.service.d/node.conf", "[Service]", path); err != nil {
			return err
		}
	}
	_, err := g.Systemctl(ctx, "daemon-reload")
	return err
}

func (g *gopm) Start(ctx context.Context) error {
	_, err := g.Systemctl(ctx, "start", "bench.target")
	return err
}

func (g *gopm) Reload(ctx context.Context) error {
	_, err := g.Run(ctx, "gopm-activator", "reload", "bench")
	return err
}

func (g *gopm) Stop(ctx context.Context) error {
	// The target is not waited for by its own stop job: name what is.
	_, err := g.Systemctl(ctx, "stop", "bench.target", gopmActivator, "bench.socket")
	return err
}

func (g *gopm) Supervisors(ctx context.Context) ([]int, error) { return g.mainPID(ctx, gopmActivator) }

// FirstStart does all that is between an ecosystem file and an app that runs.
func (g *gopm) FirstStart(ctx context.Context, workers int) error {
	if err := g.Prepare(ctx, Setup{Workers: workers}); err != nil {
		return err
	}
	return g.Start(ctx)
}

// StartMany starts n apps of one worker each.
func (g *gopm) StartMany(ctx context.Context, n int, mode Mode) error {
	if err := g.write(many(n, mode)); err != nil {
		return err
	}
	if err := g.convert(ctx, n); err != nil {
		return err
	}
	_, err := g.Systemctl(ctx, append([]string{"start"}, smallTargets(n)...)...)
	return err
}

// StopMany stops them, and takes their units away.
func (g *gopm) StopMany(ctx context.Context, n int) error {
	if _, err := g.Systemctl(ctx, append([]string{"stop", "small-*.socket", "gopm-activator@small-*.service"}, smallTargets(n)...)...); err != nil {
		return err
	}
	if _, err := g.Run(ctx, "sh", "-c", "rm -rf /etc/systemd/system/small-* /etc/systemd/system/gopm-activator@small-*"); err != nil {
		return err
	}
	_, err := g.Systemctl(ctx, "daemon-reload")
	return err
}

// ManySupervisors are the activators: one for each app that needs one.
func (g *gopm) ManySupervisors(context.Context) ([]int, error) {
	processes, err := g.Processes("gopm-activator@small-*.service")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, p := range processes {
		pids = append(pids, p.PID)
	}
	return pids, nil
}

func smallTargets(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("small-%d.target", i))
	}
	return names
}
