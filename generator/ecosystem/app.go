package ecosystem

import "time"

// App is one app of an ecosystem file, with every path absolute and every
// default of PM2 filled in.
type App struct {
	Index int
	Name  string // as the file writes it
	Place string // how messages name the app, such as `apps[1] "api"`

	Program        string   // an absolute path or a bare name: the interpreter, or the script where none is needed
	ProgramArgs    []string // what stands before the script's own arguments, the script included
	Args           []string // the script's own arguments
	Dir            string   // absolute
	Cluster        bool     // the instances share their ports
	Instances      Count
	Variables      []Variable // sorted by name, each name once
	InstanceVar    string     // the variable with the instance number, where the file asks for another than NODE_APP_INSTANCE
	Ports          []Port     // what the app listens on, as far as the file says
	User, Group    string     // empty: not given
	WaitReady      bool
	MemoryLimit    int64 // bytes; 0: none
	ListenTimeout  time.Duration
	KillTimeout    time.Duration
	DrainTimeout   time.Duration
	RestartDelay   time.Duration
	MinUptime      time.Duration
	MaxRestarts    int
	Restart        bool
	LogDateFormat  string // day.js tokens
	Output, Errors Log
	UpdateCommands []string // lines for a shell
	Notes          []Note
}

// Count is a number of instances: CPUs of the machine that runs them plus N, or
// N alone.
type Count struct {
	PerCPU bool
	N      int
}

// Variable is one environment variable.
type Variable struct{ Name, Value string }

// Port is an address that the app listens on, and the key that says so.
type Port struct{ Address, Key string }

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
