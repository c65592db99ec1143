package generator

import (
	"fmt"
	"strings"
	"time"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// view is an app as the templates see it. What a user wrote is in it as
// units.Value alone, which is quoted or was refused.
type view struct {
	Source       units.Value
	SourceExists bool
	Unit         units.Value
	Title        units.Value
	Original     *units.Value // the app's own name, where the units have another
	Namespace    *units.Value // the name of its target
	Cluster      bool
	Supervised   bool // it has an activator
	Drains       bool // before it ends
	ForUser      bool // for systemctl --user
	BootTarget   units.Value
	Systemctl    units.Value
	ReloadUnit   units.Value // a reload of it is one of the app
	AutoStart    bool
	Lazy         bool

	Ports                  []port
	SharedPort, SocketFile bool   // what is among Ports: addresses, and paths
	LowPort                bool   // one of Ports is for the privileged only
	Count                  string // what GOPM_INSTANCES is: max, a number, or a negative one for CPUs less
	Instances              []int  // their numbers, where they are known
	ExecFlags              *units.Value
	Env                    []units.Value // env(1) and its arguments, where the command needs it
	Command                units.Value

	StartLimitInterval units.Value
	StartLimitBurst    int
	DrainTimeout       units.Value
	StartTimeout       *units.Value // until it is ready; nil where it is so at once
	KillTimeout        units.Value  // from SIGINT to SIGKILL
	StopTimeout        units.Value  // of the whole stop
	StopMessage        bool
	KillMode           units.Value
	Restart            bool
	RestartDelay       units.Value
	BackoffSteps       int
	BackoffMost        units.Value
	StopCodes          []int
	Calendar           []units.Value // when a timer restarts it
	Job                bool          // it ends by itself, and the timer starts it again

	OwnAccount     bool
	Dynamic        bool
	renamedAccount bool
	User           units.Value
	Group          *units.Value
	Home           units.Value
	Dir            units.Value
	Environment    []units.Value
	EnvFiles       []units.Value
	Secrets        []units.Value
	Output, Errors *units.Value
	LogDirs        []units.Value
	OtherDirs      []units.Value // made where they are missing, and never changed
	LogFiles       []units.Value
	LogMode        string
	LogGroup       units.Value
	Affinity       *units.Value
	Sandbox        []directive

	WaitReady      bool
	HealthCheck    []units.Value
	Surge          int
	Parallel       int
	HangTimeout    int64 // ms
	MemoryLimit    int64
	Watch          *units.Value
	WatchIgnore    *units.Value
	WatchTemporary bool  // a path is below /tmp
	WatchDelay     int64 // milliseconds
	UpdateCommands []units.Value
	UpdateTimeout  *units.Value

	odd        []oddVariable
	folder     string
	secretPath string
	boot       bool
}

const (
	// startTimeout is how long a worker may take until it listens; systemd's own
	// default, written out because it is what a reload of a broken app waits for.
	startTimeout = 90 * time.Second
	// leastDelay keeps a crash loop from taking a whole CPU.
	leastDelay = 100 * time.Millisecond
	// startMargin is for what a start takes beside the app's own life: a busy
	// machine needs a good part of it for the sandbox.
	startMargin = time.Second
	// leastStop keeps clear of 0, which means no limit to systemd.
	leastStop = 250 * time.Millisecond
	// stopMargin is for what a stop of a worker takes beside its drain: it bounds
	// it only where the drain itself hangs.
	stopMargin = 10 * time.Second
	// mostBackoff ends the growth of exp_backoff_restart_delay, as in PM2.
	mostBackoff = 15 * time.Second
	// stepsSince is the systemd that knows RestartSteps=.
	stepsSince = 254
)

// view quotes everything of an app. What cannot be quoted is a problem.
func (g *generation) view(app ecosystem.App, name string) view {
	q := quoter{g: g, app: app}
	v := view{
		Source:       q.value("SourcePath=", g.file.Path, units.Text),
		SourceExists: g.opt.SourceExists,
		Unit:         q.value("the unit name", name, units.Name),
		Title:        q.value("Description=", strings.TrimSpace(app.Name), units.Text),
		Cluster:      app.Cluster, Supervised: app.Supervised(), Drains: drains(app), ForUser: g.opt.User,
		BootTarget: units.Specified("multi-user.target"), Systemctl: units.Specified("/usr/bin/systemctl"),
		AutoStart: app.AutoStart,
		Count:     count(app.Instances),
		Dir:       q.value("WorkingDirectory=", app.Dir, units.Path),
		WaitReady: app.WaitReady, MemoryLimit: app.MemoryLimit, Restart: app.Restart,
		StartLimitBurst: max(app.MaxRestarts, 1),
		DrainTimeout:    units.Span(app.DrainTimeout),
		KillTimeout:     units.Span(max(app.KillTimeout, leastStop)),
		StopTimeout:     units.Span(stopTimeout(app)),
		StopMessage:     app.ShutdownMessage,
		KillMode:        units.Specified(killMode(app)),
		StopCodes:       app.StopCodes,
		Job:             !app.Restart && !app.Instances.PerCPU,
		Sandbox:         g.harden(app),
		folder:          g.opt.folder(), boot: g.opt.Boot,
	}
	if name != app.Name {
		v.Original = &v.Title
	}
	if app.Namespace != "" && app.Namespace != "default" {
		namespace := units.Specified(g.namespaceUnit(app))
		v.Namespace = &namespace
	}
	if v.ForUser {
		v.BootTarget, v.Systemctl = units.Specified("default.target"), units.Specified("/usr/bin/systemctl --user")
	}
	v.ReloadUnit = units.Specified(v.Unit.String() + "-reload.service")
	if v.Supervised {
		v.ReloadUnit = units.Specified("gopm-activator@" + v.Unit.String() + ".service")
	}
	g.ports(&v, q)
	g.pace(&v, app)
	if v.Cluster || v.Supervised && app.WaitReady || v.Surge > 0 {
		timeout := units.Span(startTimeout)
		if app.ListenTimeout > 0 {
			timeout = units.Span(app.ListenTimeout)
		}
		v.StartTimeout = &timeout
	}
	g.datagrams(&v, q)
	if !app.Instances.PerCPU {
		for i := range app.Instances.N {
			v.Instances = append(v.Instances, i)
		}
	}
	v.Lazy = app.Lazy && len(v.Ports) > 0
	for _, s := range app.Cron {
		v.Calendar = append(v.Calendar, units.Calendar(s).Value())
	}
	g.restarts(&v, app)
	g.command(&v, q)
	g.account(&v, q, name)
	g.environment(&v, q, name)
	g.logs(&v, q)
	g.watch(&v, q)
	g.healthCheck(&v, q)
	g.hangTimeout(&v, q.app)
	if g.opt.packaged() && len(app.UpdateCommands) > 0 {
		g.note("post_update", ecosystem.Refused, "a package brings what it needs, and %s is not written to", g.opt.Root)
		app.UpdateCommands = nil
	}
	for i, line := range app.UpdateCommands {
		v.UpdateCommands = append(v.UpdateCommands, q.words(fmt.Sprintf("post_update[%d]", i), func() (units.Value, error) {
			return units.Command("/bin/sh", "-c", line)
		}))
	}
	if app.UpdateTimeout > 0 {
		timeout := units.Span(app.UpdateTimeout)
		v.UpdateTimeout = &timeout
	}
	if app.Affinity != "" {
		cpus := q.value("gopm.cpu_affinity", app.Affinity, units.Text)
		v.Affinity = &cpus
	}
	return v
}

// enable lists what `systemctl enable` links.
func (v view) enable() []Enabled {
	var out []Enabled
	if !v.AutoStart {
		return nil
	}
	if !v.Lazy {
		out = append(out, Enabled{v.Unit.String() + ".target", v.BootTarget.String()})
	}
	if len(v.Ports) > 0 {
		out = append(out, Enabled{v.Unit.String() + ".socket", "sockets.target"})
	}
	return out
}
