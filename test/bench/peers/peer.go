// Package peers has what can run N workers of one Node app on one port: gopm, and
// what it is compared with. All run the same app with the same Node on the same
// machine, below the same systemd.
package peers

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gopm/gopm/test/bench/life"
	"github.com/gopm/gopm/test/pm2"
	"github.com/gopm/gopm/test/site"
)

// A Peer runs workers. One at a time does so, on site.Address.
type Peer interface {
	// Name is short enough for the head of a table.
	Name() string
	// Prepare installs what Start needs, once for each setup. Nothing runs yet.
	Prepare(ctx context.Context, s Setup) error
	// Start starts supervisor and workers as a boot would. It may return before
	// they are ready.
	Start(ctx context.Context) error
	// Reload replaces the workers by those of the release that is deployed. It
	// may return before all of that is done.
	Reload(ctx context.Context) error
	// Stop ends all of it.
	Stop(ctx context.Context) error
	// Supervisors are the processes that are there beside the workers, the main
	// one first. Some peers have none.
	Supervisors(ctx context.Context) ([]int, error)
}

// Setup is what a peer is to run.
type Setup struct {
	Workers int
	TLS     bool // the app speaks TLS; nginx does it for its workers
}

// Stage is where peers run.
type Stage struct {
	*site.Site
	Watch *life.Watch // sees each worker
}

// Where things are on the machine.
const (
	root    = "/srv/bench" // the app
	node    = "/opt/node-24/bin"
	pm2Root = "/opt/pm2"
	nginxRt = "/opt/nginx"
)

// Folders are what a machine must have in it, as site.Options wants them.
func Folders(ctx context.Context, watch *life.Watch) (map[string]string, error) {
	pm2Folder, err := pm2.Folder(ctx)
	if err != nil {
		return nil, err
	}
	nginxFolder, err := nginxFolder(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{pm2Root: pm2Folder, nginxRt: nginxFolder, life.OnMachine: watch.Folder()}, nil
}

// All are the peers, gopm first and the limit last.
func All(s Stage) []Peer {
	return []Peer{&gopm{s}, &daemon{Stage: s}, &cluster{s}, &nginx{singles{Stage: s}}, &shared{singles{Stage: s}}, &limit{singles{Stage: s}}}
}

//go:embed app
var app embed.FS

// Install puts the app on the machine.
func (s Stage) Install() error {
	files, err := app.ReadDir("app")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := app.ReadFile("app/" + f.Name())
		if err != nil {
			return err
		}
		if err := s.WriteFile(filepath.Join(root, f.Name()), string(text)); err != nil {
			return err
		}
	}
	return nil
}

// Release deploys the app's code: the good one or one that throws at start.
// Workers that run don't notice.
func (s Stage) Release(good bool) error {
	name := "broken.cjs"
	if good {
		name = "app.cjs"
	}
	text, err := app.ReadFile("app/" + name)
	if err != nil {
		return err
	}
	return s.WriteFile(root+"/app.cjs", string(text))
}

// Versions is a shell script that prints the versions of Node, systemd and nginx.
const Versions = node + "/node --version; systemctl --version | head -n 1; " + nginxRt + "/usr/sbin/nginx -v 2>&1"

// Clear leaves nothing of a peer behind after something went wrong: its Stop, and
// for what that left, systemd's.
func (s Stage) Clear(ctx context.Context, p Peer) error {
	stopped := p.Stop(ctx)
	_, err := s.Systemctl(ctx, "stop", "bench*.socket", "bench*.service", "gopm-activator@*.service", "pm2-root.service")
	if _, waiting := s.Watch.Ready(ctx, 0); waiting != nil || err != nil {
		return errors.Join(stopped, err, waiting)
	}
	return s.Release(true)
}

// secure puts a certificate beside the app, or takes it away.
func (s Stage) secure(ctx context.Context, on bool) error {
	if !on {
		_, err := s.Run(ctx, "rm", "-f", root+"/key.pem", root+"/cert.pem")
		return err
	}
	key, cert, err := certificate()
	if err != nil {
		return err
	}
	return errors.Join(s.WriteFile(root+"/key.pem", key), s.WriteFile(root+"/cert.pem", cert))
}

// unit writes a unit of the machine's.
func (s Stage) unit(name string, lines ...string) error {
	return s.WriteFile("/etc/systemd/system/"+name, strings.Join(lines, "\n")+"\n")
}

// mainPID is the supervisor of a service that runs.
func (s Stage) mainPID(ctx context.Context, unit string) ([]int, error) {
	pid, err := s.MainPID(ctx, unit)
	if err != nil {
		return nil, err
	}
	if pid == 0 {
		return nil, fmt.Errorf("find the supervisor: %s does not run", unit)
	}
	return []int{pid}, nil
}
