package test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopm/gopm/test/apps"
	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/site"
)

// A realApp is one of testdata/apps: a framework as it comes from npm.
type realApp struct {
	name string
	port int
	// uses sends requests until ctx ends, and returns an error for what failed.
	uses func(ctx context.Context, s scenario, a realApp) (use, error)
}

// use is what came of it.
type use struct {
	answered    int // requests, or messages of a WebSocket
	connections int // where they are counted
}

var realApps = []realApp{
	{"express", 4001, usesHTTP},
	{"fastify", 4002, usesHTTP},
	{"koa", 4003, usesHTTP},
	{"nest", 4004, usesHTTP},
	{"next", 4005, usesHTTP},
	// TypeScript, by Node itself and by its loaders.
	{"stripped", 4006, usesHTTP},
	{"tsx", 4007, usesHTTP},
	{"ts-node", 4008, usesHTTP},
	{"grpc", 4009, usesGRPC},
	{"ws", 4010, usesWebSocket},
	{"socketio", 4011, usesSocketIO},
}

func (a realApp) target() string { return a.name + ".target" }

func (a realApp) address() string { return fmt.Sprintf("127.0.0.1:%d", a.port) }

const realWorkers = 2 // of each, as their file says

// bootApps boots a machine with the apps, whose ecosystem file is linked from
// /etc/gopm.
func bootApps(t *testing.T) scenario {
	t.Helper()
	const source, root = "testdata/apps", "/srv/apps"
	node, err := nodes.Path(24)
	if err != nil {
		t.Fatal(err)
	}
	installed, err := apps.Folder(t.Context(), source, node)
	if err != nil {
		t.Fatal(err)
	}
	s := boot(t, site.Options{Folders: map[string]string{
		"/usr/local":           filepath.Dir(filepath.Dir(node)),
		root + "/node_modules": filepath.Join(installed, "node_modules"),
		root + "/next/.next":   filepath.Join(installed, "next/.next"),
	}})
	files := os.DirFS(source)
	s.must(fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return s.WriteFile(root+"/"+name, string(text))
	}))
	t.Cleanup(func() {
		if t.Failed() {
			// The test's own context has ended.
			out, err := s.Run(context.Background(), "journalctl", "--boot", "--no-pager", "--output=short-monotonic", "--lines=600")
			t.Logf("the journal: %v\n%s", err, out)
		}
	})
	s.shell("mkdir -p /etc/gopm && ln -s " + root + "/ecosystem.config.js /etc/gopm/apps.config.js")
	s.systemctl("daemon-reload")
	return s
}

// Each app is reloaded while it is used, all at once, and stopped.
func TestAppsFromNPM(t *testing.T) {
	s := bootApps(t)
	var targets []string
	for _, a := range realApps {
		targets = append(targets, a.target())
	}
	s.systemctl(append([]string{"start"}, targets...)...)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type outcome struct {
		use
		used, reloaded error
	}
	outcomes := make([]outcome, len(realApps))
	var using, reloading sync.WaitGroup
	old := s.realPIDs()
	for i, a := range realApps {
		using.Go(func() { outcomes[i].use, outcomes[i].used = a.uses(ctx, s, a) })
		reloading.Go(func() {
			_, outcomes[i].reloaded = s.Run(t.Context(), "gopm-activator", "reload", a.name)
		})
	}
	reloading.Wait()
	now := s.realPIDs()
	stop()
	using.Wait()
	s.systemctl(append([]string{"stop"}, targets...)...)

	for i, a := range realApps {
		t.Run(a.name, func(t *testing.T) {
			s := scenario{s.Site, t}
			o := outcomes[i]
			t.Logf("%+v", o.use)
			s.must(o.reloaded)
			s.must(o.used)
			if o.answered == 0 {
				t.Error("it answered nothing")
			}
			if o.connections > 0 && a.name != "grpc" { // WebSockets, which last as long as their worker
				forkApp{scenario: s, name: a.name}.logs("gopm-activator@"+a.name+".service",
					a.name+"@0.service still has connections after its drain time; they are cut now (gopm.drain_timeout is the time)")
			}
			for instance := range realWorkers {
				unit := fmt.Sprintf("%s@%d.service", a.name, instance)
				if now[unit] == 0 || now[unit] == old[unit] {
					t.Errorf("%s was process %d before the reload and is %d after it", unit, old[unit], now[unit])
				}
				if state := s.state(unit); state != "inactive" {
					t.Errorf("after the stop %s is %s", unit, state)
				}
			}
		})
	}
}

// realPIDs are the main processes of all workers by unit.
func (s scenario) realPIDs() map[string]int {
	s.t.Helper()
	pids := map[string]int{}
	for _, a := range realApps {
		for instance := range realWorkers {
			unit := fmt.Sprintf("%s@%d.service", a.name, instance)
			pid, err := s.MainPID(s.t.Context(), unit)
			s.must(err)
			pids[unit] = pid
		}
	}
	return pids
}

// pause is between two requests of a client: eleven apps share the machine.
const pause = 10 * time.Millisecond

func usesHTTP(ctx context.Context, s scenario, a realApp) (use, error) {
	var sum load.Result
	var running []*load.Running
	for _, profile := range []load.Profile{load.KeepAlive, load.PerRequest} {
		client := s.Client(profile)
		client.Address, client.Connections, client.Pause = a.address(), 2, pause
		running = append(running, client.Start(context.WithoutCancel(ctx)))
	}
	<-ctx.Done()
	for _, r := range running {
		result, err := r.Stop()
		if err != nil {
			return use{}, err
		}
		sum = sum.Add(result)
	}
	if sum.Failures() != 0 {
		return use{}, fmt.Errorf("%s\n%s", sum, strings.Join(sum.Examples, "\n"))
	}
	return use{answered: sum.Answered}, nil
}
