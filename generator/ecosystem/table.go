package ecosystem

import (
	"strings"
	"time"
)

// Fate is what becomes of an attribute.
type Fate string

// The fates. An attribute that is mapped can still be done differently in one
// point or another; the report then says so.
const (
	Mapped      Fate = "mapped"
	BySystemd   Fate = "systemd does it"
	Differently Fate = "done differently"
	Refused     Fate = "refused"

	// The next two are never in the table.
	NotChosen Fate = "not chosen" // an env_ block that --env does not name
	Unknown   Fate = "unknown"    // a key that is not in the table
)

// Unit is what a number means, or a string that stands for one.
type Unit string

// The units of PM2.
const (
	Plain        Unit = ""
	Milliseconds Unit = "ms"
	Bytes        Unit = "size" // digits, then K, M, G or nothing; a power of 1024
	Uptime       Unit = "time" // digits, then h, m, s or, for milliseconds, nothing
)

// Attribute is a row of the table: one key that an app may have.
type Attribute struct {
	Name    string   `json:"name"`              // as PM2's schema writes it
	Aliases []string `json:"aliases,omitempty"` // in the order in which PM2 tries them; the camelCase form of Name is one too
	Kinds   []Kind   `json:"kinds"`             // what PM2 accepts; a string that is a number counts as one
	Unit    Unit     `json:"unit,omitempty"`
	HasMin  bool     `json:"-"`
	Min     float64  `json:"-"`                 // least number, where HasMin is set
	With    string   `json:"with,omitempty"`    // the attribute without which this one means nothing
	Default string   `json:"default,omitempty"` // what String(value) is where the attribute changes nothing
	Fate    Fate     `json:"fate"`
	Becomes []string `json:"becomes,omitempty"` // directives and files, for a mapped attribute
	Note    string   `json:"note"`              // one line for the report and the manual

	apply func(*appReader, value)
}

// Spellings returns every name that the attribute has in a file, in the order in
// which PM2 tries them.
func (a Attribute) Spellings() []string {
	names := append([]string{a.Name}, a.Aliases...)
	if camel := camelCase(a.Name); camel != a.Name && a.Name != envBlock {
		names = append(names, camel)
	}
	return names
}

// camelCase returns the form of a key that PM2 accepts beside its own.
func camelCase(key string) string {
	parts := strings.Split(key, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// envBlock is the row of all keys that begin with env_.
const envBlock = "env_*"

// own is the key under which an app has settings of gopm itself. PM2 ignores
// keys that it does not know, so a file with it still works there.
const own = "gopm"

// Section is a part of the table.
type Section struct {
	Title string
	Rows  []Attribute
}

// Sections returns the table in the parts that the manual has.
func Sections() []Section {
	return []Section{
		{"Program", programRows()},
		{"Instances", instanceRows()},
		{"Environment", environmentRows()},
		{"Logs", logRows()},
		{"Starts and restarts", restartRows()},
		{"Readiness, stops and accounts", signalRows()},
		{"Watching and updates", hookRows()},
		{"Settings of gopm", ownRows()},
	}
}

// Attributes returns the table: a row per key, in the order of PM2's manual.
func Attributes() []Attribute {
	var rows []Attribute
	for _, section := range Sections() {
		rows = append(rows, section.Rows...)
	}
	return rows
}

// healthRows are the keys inside `gopm: {health_check: {…}}`.
func healthRows(h *HealthCheck) []Attribute {
	span := func(d *time.Duration) func(*appReader, value) {
		return func(_ *appReader, v value) { *d = v.duration() }
	}
	return []Attribute{
		{Name: "path", Kinds: []Kind{String}, apply: func(a *appReader, v value) { a.healthPath(h, v) }},
		{Name: "interval", Kinds: []Kind{Number}, Unit: Milliseconds, Min: 1, HasMin: true, apply: span(&h.Interval)},
		{Name: "timeout", Kinds: []Kind{Number}, Unit: Milliseconds, Min: 1, HasMin: true, apply: span(&h.Timeout)},
		{Name: "threshold", Kinds: []Kind{Number}, Min: 1, HasMin: true, apply: func(_ *appReader, v value) { h.Threshold = int(v.number) }},
		{Name: "start_period", Kinds: []Kind{Number}, Unit: Milliseconds, Min: 0, HasMin: true, apply: span(&h.StartPeriod)},
	}
}

// OwnAttributes returns the table of the keys inside `gopm: {…}`.
func OwnAttributes() []Attribute {
	return []Attribute{
		{Name: "listen", Kinds: []Kind{Number, String, Array, Boolean}, Fate: Mapped,
			Becomes: []string{"ListenStream=", "ListenDatagram="},
			Note:    "a port, an address with a port, a socket's path, or a list of them; goes before port and PORT; udp: before a port or an address makes it one of UDP, in cluster mode. false: no socket unit, the app opens its port itself",
			apply:   (*appReader).listen},
		{Name: "drain_timeout", Kinds: []Kind{Number}, Unit: Milliseconds, Min: 1, HasMin: true, Fate: Mapped,
			Becomes: []string{"ExecStop="},
			Note:    "how long a worker may finish what it has begun; 30 s where absent; WebSockets and events take all of it",
			apply:   (*appReader).drainTimeout},
		{Name: "lazy", Kinds: []Kind{Boolean}, Default: "false", Fate: Mapped,
			Becomes: []string{"preset"},
			Note:    "true: the port is open from boot on, and the first connection starts the app",
			apply:   (*appReader).lazy},
		{Name: "cpu_affinity", Kinds: []Kind{Boolean, String, Number, Array}, Default: "false", Fate: Mapped,
			Becomes: []string{"CPUAffinity=", "ExecStart="},
			Note:    "true gives each instance a CPU of its own; a list such as \"0-3,8\" is for all of them",
			apply:   (*appReader).affinity},
		{Name: "hardening", Kinds: []Kind{Boolean, Object}, Default: "true", Fate: Mapped,
			Becomes: []string{"the sandbox of APP@.service"},
			Note:    "false takes it away; { ProtectHome: false } takes out one directive, { ProtectHome: \"tmpfs\" } gives it another value",
			apply:   (*appReader).hardening},
		{Name: "environment_file", Kinds: []Kind{String, Array}, Fate: Mapped,
			Becomes: []string{"EnvironmentFile="},
			Note:    "as env_file, and a file that is missing fails the start",
			apply:   (*appReader).environmentFile},
		{Name: "source_maps", Kinds: []Kind{Boolean}, Default: "true", Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "false leaves --enable-source-maps out",
			apply:   (*appReader).sourceMaps},
		{Name: "unhandled_rejections", Kinds: []Kind{String}, Default: "warn", Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "warn: one ends no process, as under PM2; throw: it does, as in Node",
			apply:   (*appReader).unhandledRejections},
		{Name: "surge", Kinds: []Kind{Number}, Min: 1, HasMin: true, Fate: Mapped,
			Becomes: []string{"GOPM_SURGE"},
			Note:    "how many more workers there are during a reload; as many as parallel where absent, and none in fork mode",
			apply:   (*appReader).surge},
		{Name: "parallel", Kinds: []Kind{Number}, Min: 1, HasMin: true, Fate: Mapped,
			Becomes: []string{"GOPM_PARALLEL"},
			Note:    "how many workers a reload replaces at a time; two of four and more, an eighth of sixteen and more, where absent",
			apply:   (*appReader).parallel},
		{Name: "health_check", Kinds: []Kind{Boolean, String, Object}, Default: "false", Fate: Mapped,
			Becomes: []string{"GOPM_HEALTH_CHECK"},
			Note:    "a path that each worker must answer before it is ready, and then every 10 s; { path, interval, timeout, threshold, start_period } in ms; true is by connecting",
			apply:   (*appReader).healthCheck},
		{Name: "hang_timeout", Kinds: []Kind{Number}, Unit: Milliseconds, Min: 1000, HasMin: true, Fate: Mapped,
			Becomes: []string{"GOPM_HANG_TIMEOUT"},
			Note:    "how long a worker's event loop may be blocked before it is replaced; for ever where absent. Meanwhile the others get its connections",
			apply:   (*appReader).hangTimeout},
	}
}
