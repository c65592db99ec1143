package ecosystem

import (
	"path"
	"slices"
	"strings"
	"time"
)

// App is one app of an ecosystem file, with every path absolute and every
// default of PM2 filled in.
type App struct {
	Index int
	Name  string // as the file writes it
	Place string // how messages name the app, such as `apps[1] "api"`

	Namespace   string   // empty: PM2's default
	Program     string   // an absolute path or a bare name: the interpreter, or the script where none is needed
	ProgramArgs []string // what stands between the program and the script
	Script      string   // absolute; empty where the program is all there is
	Args        []string // the script's own arguments
	Dir         string   // absolute
	Node        bool     // Program is Node itself
	Cluster     bool     // the instances share their ports
	Instances   Count
	Lazy        bool // starts with the first connection

	Variables   []Variable // sorted by name, each name once
	EnvFiles    []string   // absolute paths of files with variables, below Variables; with a minus before them they may be missing
	InstanceVar string     // the variable with the instance number, where the file asks for another than NODE_APP_INSTANCE
	Increment   *Increment
	Ports       []Port // what the app listens on, as far as the file says
	Datagrams   []Port // the same of UDP
	User, Group string // empty: not given
	Homed       bool   // User is who the app's folder is the home of

	AutoStart       bool // at boot
	Restart         bool
	StopCodes       []int
	RestartDelay    time.Duration
	Backoff         time.Duration // the first of growing delays; 0: they don't grow
	MinUptime       time.Duration
	MaxRestarts     int
	MemoryLimit     int64 // bytes; 0: none
	Cron            []Schedule
	WaitReady       bool
	ListenTimeout   time.Duration
	KillTimeout     time.Duration
	DrainTimeout    time.Duration
	ShutdownMessage bool
	TreeKill        bool
	Watch           *Watch
	HealthCheck     *HealthCheck
	Surge, Parallel int // of a reload; 0: not given
	// HangTimeout is how long an event loop may be blocked; 0: for ever.
	HangTimeout time.Duration

	SourceMaps    bool // PM2 turns them on
	TakeRejection bool // an unhandled rejection ends no process
	LogDateFormat string
	LogJSON       bool
	Output        Log
	Errors        Log

	UpdateCommands []string      // lines for a shell
	UpdateTimeout  time.Duration // of each; 0: none
	Affinity       string        // CPUAffinity=
	Pin            bool          // each instance to a CPU of its own
	Hardening      Hardening

	Flawed  bool   // the file has problems with it: it is only good for finding more
	Refused string // why there are no units for it; empty: there are
	Notes   []Note

	pm2 map[string]any
}

// Command returns the program that is run, and its arguments.
func (a App) Command() (program string, args []string) {
	args = slices.Clone(a.ProgramArgs)
	if a.Script != "" {
		args = append(args, a.Script)
	}
	return a.Program, append(args, a.Args...)
}

// ListensItself reports whether the app's listen(), if it has one, is called in
// the process that systemd starts: Node's, with a file of the project. What comes
// from npm, and --watch, may start a child for it. A job serves nobody.
func (a App) ListensItself() bool {
	foreign := strings.Contains(a.Script, "/node_modules/") || slices.Contains([]string{"/bin", "/usr/bin", "/usr/local/bin"}, path.Dir(a.Script))
	watched := slices.ContainsFunc(a.ProgramArgs, func(option string) bool { return strings.HasPrefix(option, "--watch") })
	return a.Node && a.Restart && !foreign && !watched
}

// Supervised reports whether the app needs an activator: for its ports, and in
// fork mode for what systemd alone does not do.
func (a App) Supervised() bool {
	return a.Cluster || len(a.Ports) > 0 || a.Instances.PerCPU || a.WaitReady || a.MemoryLimit > 0 || a.Watch != nil ||
		a.ShutdownMessage || a.Increment != nil || a.Pin
}

// PM2 returns the app as PM2 has it after its own normalisation, under PM2's
// names: lists of arguments are arrays, times are in milliseconds, sizes in
// bytes. Variables have their real values, secret or not.
func (a App) PM2() map[string]any { return a.pm2 }

// Count is a number of instances: CPUs of the machine that runs them plus N, or
// N alone.
type Count struct {
	PerCPU bool
	N      int
}

// Variable is one environment variable.
type Variable struct {
	Name, Value string
	Secret      bool // nobody but root may read it
}

// Increment is a variable that is Base in instance 0 and one more in each next.
type Increment struct {
	Name string
	Base int
}

// Port is an address that the app listens on, and the key that says so.
type Port struct{ Address, Key string }

// AddPort adds what somebody wants in the socket unit: an address, with udp:
// before it where it is one of UDP.
func (a *App) AddPort(p Port) {
	if address, udp := strings.CutPrefix(p.Address, "udp:"); udp {
		a.Datagrams = append(a.Datagrams, Port{address, p.Key})
		return
	}
	a.Ports = append(a.Ports, p)
}

// Watch says which changes of files restart the app. Paths are absolute globs,
// in which a backslash takes a character's meaning away.
type Watch struct {
	Paths  []string
	Ignore []string // nil: PM2's default, dot files and node_modules
	Delay  time.Duration
}

// HealthCheck says how a worker is asked whether it is well; what is 0 was not
// given.
type HealthCheck struct {
	Path                           string // empty: to accept a connection is enough
	Interval, Timeout, StartPeriod time.Duration
	Threshold                      int
}

// Hardening says what of a worker's sandbox is changed.
type Hardening struct {
	Off     bool
	Changes []Change
}

// Change replaces the value of a directive; an empty value takes it out.
type Change struct{ Directive, Value string }

// Log says where a stream of output goes. The zero Log is the default, which in
// systemd is the journal.
type Log struct {
	Discard bool
	// Path is a file. Where PerInstance is set, "-" and the instance number go
	// between Path and Suffix.
	Path        string
	Suffix      string
	PerInstance bool
}

// Set reports whether the file says where the stream goes.
func (l Log) Set() bool { return l.Discard || l.Path != "" }

// Note is a line of the report: what became of an attribute.
type Note struct {
	Key  string `json:"key"`
	Fate Fate   `json:"fate"`
	Text string `json:"text"`
}
