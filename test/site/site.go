package site

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
)

// The units of the example app.
const (
	Target    = "my-api.target"
	Socket    = "my-api.socket"
	Activator = "gopm-activator@my-api.service"
	Workers   = "my-api@*.service"
)

// Address is where the app listens.
const Address = "127.0.0.1:3000"

// Options say what differs from site to site.
type Options struct {
	// Debian is the Debian release; empty means the host's.
	Debian string

	// Nodes are the major versions of Node on the machine. The first runs the
	// app; UseNode changes that. Empty means Node 24.
	Nodes []int

	// Activator is what an administrator's drop-in sets for the activator, such
	// as GOPM_INSTANCES=4.
	Activator []string

	// Folders are host folders seen read-only on the machine: where on the
	// machine, and from where.
	Folders map[string]string
}

// A Site is a machine with the example app on it, not yet started.
type Site struct {
	*machine.Machine
	run  *contained // in place of systemd; nil where that has the app
	good []byte     // src/index.js
}

// Boot boots a machine with the app. The caller closes it.
func (s *Stage) Boot(ctx context.Context, o Options) (*Site, error) {
	good, err := os.ReadFile(filepath.Join(s.app(), "src/index.js"))
	if err != nil {
		return nil, fmt.Errorf("boot site: %w", err)
	}
	if len(o.Nodes) == 0 {
		o.Nodes = []int{24}
	}
	binds := map[string]string{}
	maps.Copy(binds, o.Folders)
	for _, major := range o.Nodes {
		folder, err := nodeFolder(major)
		if err != nil {
			return nil, fmt.Errorf("boot site: %w", err)
		}
		binds[nodeOnMachine(major)] = folder
	}
	files := map[string]string{nodeDropIn: nodeSetting(o.Nodes[0])}
	if len(o.Activator) > 0 {
		lines := []string{"[Service]"}
		for _, setting := range o.Activator {
			lines = append(lines, "Environment="+setting)
		}
		files["/etc/systemd/system/"+Activator+".d/50-test.conf"] = strings.Join(lines, "\n") + "\n"
	}
	m, err := machine.Boot(ctx, machine.Options{
		Release: o.Debian,
		Usr:     []string{filepath.Join(s.root(), "usr")},
		Copies:  map[string]string{Root: s.app()},
		Binds:   binds,
		Files:   files,
	})
	if err != nil {
		return nil, err
	}
	return &Site{Machine: m, good: good}, nil
}

// others are the apps beside the example in a container.
//
//go:embed contained
var others embed.FS

// Contain runs the app of examples/container, and others, under gopm run, as process 1 of a
// container with a read-only root, for an ordinary user. The caller closes it.
func (s *Stage) Contain(ctx context.Context, workers int) (*Site, error) {
	good, err := os.ReadFile(filepath.Join(s.app(), "src/index.js"))
	if err != nil {
		return nil, fmt.Errorf("contain site: %w", err)
	}
	node, err := nodeFolder(24)
	if err != nil {
		return nil, fmt.Errorf("contain site: %w", err)
	}
	repository, err := findRepository()
	if err != nil {
		return nil, fmt.Errorf("contain site: %w", err)
	}
	example, err := os.ReadFile(filepath.Join(repository, "examples/container/ecosystem.config.js"))
	if err != nil {
		return nil, fmt.Errorf("contain site: %w", err)
	}
	files := map[string]string{
		Root + "/example.config.js": string(example),
		"/etc/passwd":               "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/tmp:/bin/sh\n",
		"/etc/group":                "root:x:0:\nnode:x:1000:\n",
	}
	for _, name := range []string{"ecosystem.config.js", "plain.sh", "stuck.js", "talk.js"} {
		text, err := others.ReadFile("contained/" + name)
		if err != nil {
			return nil, fmt.Errorf("contain site: %w", err)
		}
		files[Root+"/"+name] = string(text)
	}
	m, err := machine.Boot(ctx, machine.Options{
		Usr:    []string{filepath.Join(s.root(), "usr")},
		Copies: map[string]string{Root: s.app()},
		Binds:  map[string]string{nodeOnMachine(24): node},
		Files:  files,
		Init: machine.Init{
			Command: []string{"/usr/bin/gopm", "run", "ecosystem.config.js"},
			User:    "node",
			Dir:     Root,
			Environment: []string{
				"PATH=" + nodeOnMachine(24) + "/bin:/usr/bin:/bin",
				"WEB_CONCURRENCY=" + strconv.Itoa(workers),
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return &Site{Machine: m, run: &contained{m}, good: good}, nil
}

// nodeDropIn puts a Node first in the workers' PATH, as an administrator would
// who has more than one.
const nodeDropIn = "/etc/systemd/system/my-api@.service.d/node.conf"

func nodeSetting(major int) string {
	return "[Service]\nEnvironment=PATH=" + nodeOnMachine(major) + "/bin:/usr/local/bin:/usr/bin:/bin\n"
}

func nodeOnMachine(major int) string {
	return "/opt/node-" + strconv.Itoa(major)
}

// UseNode has workers that start from now on run another Node of the options'.
func (s *Site) UseNode(ctx context.Context, major int) error {
	if err := s.WriteFile(nodeDropIn, nodeSetting(major)); err != nil {
		return err
	}
	_, err := s.Systemctl(ctx, "daemon-reload")
	return err
}

// A Release is a version of the app's code.
type Release string

const (
	// Good is the example as it is.
	Good Release = ""
	// Broken throws at start.
	Broken Release = "broken.js"
	// Ailing is well, asked at /health, until it is asked for /api/v1/ail or hang.
	Ailing Release = "ailing.js"
	// Sick never is.
	Sick Release = "sick.js"
	// Blocking does nothing any more once it is asked for /api/v1/block, until there
	// is a file GoOn.
	Blocking Release = "blocking.js"
	// Early listens, and dies 300 ms later. Fickle is good but for instance 0,
	// which does that at once, and Third but for instance 2, which throws at start.
	Early  Release = "early.js"
	Fickle Release = "fickle.js"
	Third  Release = "third.js"
	// Leaky keeps 64 MB more with each request to /api/v1/leak.
	Leaky Release = "leaky.js"
	// Greedy listens wherever it can; /tried tells where.
	Greedy Release = "greedy.js"
	// Hostile says ?line= to the activator: /control or /channel.
	Hostile Release = "hostile.js"
	// Datagrams answers UDP, on 5353 and 5354, and has no HTTP.
	Datagrams Release = "datagrams.js"
	// Light is good, and small.
	Light Release = "light.js"
	// What makes PM2 lose requests in a reload: Long takes 2.5 s for a request,
	// Sluggish 5 s to listen, Metrics listens elsewhere first, Obedient knows the
	// message shutdown and no signal, and Parent has a child do the work.
	Long     Release = "long.js"
	Sluggish Release = "sluggish.js"
	Metrics  Release = "metrics.js"
	Obedient Release = "obedient.js"
	Parent   Release = "parent.js"
	// Chatty logs each request.
	Chatty Release = "chatty.js"
	// Talkative tells PM2 what it can, and answers with what it was told.
	Talkative Release = "talkative.js"
	// Secure speaks HTTPS, with key.pem and cert.pem of its folder.
	Secure Release = "secure.js"
)

// GoOn is what a blocked worker waits for.
const GoOn = Root + "/src/go-on"

//go:embed releases
var releases embed.FS

// Deploy replaces the app's code. Workers that run don't notice.
func (s *Site) Deploy(r Release) error {
	code := s.good
	if r != Good {
		var err error
		if code, err = releases.ReadFile("releases/" + string(r)); err != nil {
			return err
		}
	}
	return s.WriteFile(Root+"/src/index.js", string(code))
}

// Start starts the app and waits until it is ready.
func (s *Site) Start(ctx context.Context) error {
	_, err := s.Systemctl(ctx, "start", Target)
	return err
}

// Reload replaces the workers and waits until that is done.
func (s *Site) Reload(ctx context.Context) error {
	_, err := s.Systemctl(ctx, "reload", Target)
	return err
}

// PIDs returns the process ids of the workers' Node processes by unit, as the
// kernel knows them.
func (s *Site) PIDs() (map[string]int, error) {
	processes, err := s.Processes(Workers)
	if err != nil {
		return nil, err
	}
	pids := map[string]int{}
	for _, p := range processes {
		if p.Name != "node" {
			continue // gopm-activator waits or drains
		}
		if other, found := pids[p.Unit]; found {
			return nil, fmt.Errorf("%s has two processes, %d and %d", p.Unit, other, p.PID)
		}
		pids[p.Unit] = p.PID
	}
	return pids, nil
}

// timeout is when a request has failed: none waits longer than for an app that
// starts anew.
const timeout = 15 * time.Second

// Client returns a load on the app that counts what happens to each request.
func (s *Site) Client(p load.Profile) load.Client {
	return load.Client{Dial: s.Dial, Address: Address, Profile: p, Connections: 16, Timeout: timeout}
}

// Wrk returns a load on the app made by wrk(1).
func (s *Site) Wrk(p load.Profile) load.Wrk {
	return load.Wrk{Command: s.NetCommand, Address: Address, Profile: p, Connections: 16, Timeout: timeout}
}

// Refuses tells whether nobody listens on the app's port.
func (s *Site) Refuses(ctx context.Context) (bool, error) {
	conn, err := s.Dial(ctx, "tcp", Address)
	if err == nil {
		return false, conn.Close()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" && strings.HasSuffix(err.Error(), "connection refused") {
		return true, nil
	}
	return false, err
}

// Instances are the names of the first n worker units.
func Instances(n int) []string {
	var names []string
	for i := range n {
		names = append(names, Instance(i))
	}
	slices.Sort(names)
	return names
}

// Instance is the name of a worker unit.
func Instance(i int) string {
	return fmt.Sprintf("my-api@%d.service", i)
}
