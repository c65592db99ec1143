package generator

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// view is an app as the templates see it. What a user wrote is in it as
// units.Value alone, which is quoted or was refused.
type view struct {
	Source   units.Value
	Unit     units.Value
	Title    units.Value
	Original *units.Value // the app's own name, where the units have another
	Cluster  bool

	Ports     []units.Value
	LowPort   bool   // one of Ports is for the privileged only
	Count     string // what GOPM_INSTANCES is: max, a number, or a negative one for CPUs less
	Instances []int  // fork mode: their numbers
	Command   units.Value

	StartLimitInterval units.Value
	StartLimitBurst    int
	DrainTimeout       units.Value
	StartTimeout       *units.Value
	KillTimeout        units.Value // from SIGINT to SIGKILL
	StopTimeout        units.Value // of the whole stop
	Restart            bool
	RestartDelay       units.Value

	OwnAccount     bool
	Unprivileged   bool
	User           units.Value
	Group          *units.Value
	Home           units.Value
	Dir            units.Value
	Environment    []units.Value
	Output, Errors *units.Value
	LogDirs        []units.Value
	LogMode        string
	LogGroup       units.Value

	WaitReady      bool
	MemoryLimit    int64
	UpdateCommands []units.Value
}

const (
	// startTimeout is how long a worker may take until it listens; systemd's own
	// default, written out because it is what a reload of a broken app waits for.
	startTimeout = 90 * time.Second
	// leastDelay keeps a crash loop from taking a whole CPU.
	leastDelay = 100 * time.Millisecond
	// leastStop keeps clear of 0, which means no limit to systemd.
	leastStop = 250 * time.Millisecond
	// stopMargin is for what a stop of a worker takes beside its drain: it bounds
	// it only where the drain itself hangs.
	stopMargin = 10 * time.Second
)

// view quotes everything of an app. What cannot be quoted is a problem.
func (g *generation) view(app ecosystem.App, name string) view {
	q := quoter{g: g, app: app}
	v := view{
		Source:  q.value("SourcePath=", g.file.Path, units.Text),
		Unit:    q.value("the unit name", name, units.Name),
		Title:   q.value("Description=", strings.TrimSpace(app.Name), units.Text),
		Cluster: app.Cluster,
		Count:   count(app.Instances),
		Command: q.words("ExecStart=", func() (units.Value, error) {
			return units.Command(app.Program, append(slices.Clone(app.ProgramArgs), app.Args...)...)
		}),
		Dir:       q.value("WorkingDirectory=", app.Dir, units.Path),
		WaitReady: app.WaitReady, MemoryLimit: app.MemoryLimit, Restart: app.Restart,
		StartLimitBurst: max(app.MaxRestarts, 1),
		DrainTimeout:    units.Span(app.DrainTimeout),
		KillTimeout:     units.Span(max(app.KillTimeout, leastStop)),
		StopTimeout:     units.Span(stopTimeout(app)),
		RestartDelay:    units.Span(max(app.RestartDelay, leastDelay)),
	}
	if name != app.Name {
		v.Original = &v.Title
	}
	v.StartLimitInterval = units.Span(window(app))
	if app.Cluster {
		timeout := units.Span(startTimeout)
		if app.ListenTimeout > 0 {
			timeout = units.Span(app.ListenTimeout)
		}
		v.StartTimeout = &timeout
		g.ports(&v, q)
	} else {
		for i := range app.Instances.N {
			v.Instances = append(v.Instances, i)
		}
	}
	g.account(&v, q, name)
	g.environment(&v, q)
	g.logs(&v, q)
	for i, line := range app.UpdateCommands {
		v.UpdateCommands = append(v.UpdateCommands, q.words(fmt.Sprintf("post_update[%d]", i), func() (units.Value, error) {
			return units.Command("/bin/sh", "-c", line)
		}))
	}
	return v
}

// stopTimeout is the time after which systemd kills what is left of an app.
func stopTimeout(app ecosystem.App) time.Duration {
	if app.Cluster {
		return app.DrainTimeout + app.KillTimeout + stopMargin
	}
	return max(app.KillTimeout, leastStop)
}

// window is the time within which MaxRestarts starts are too many. It is long
// enough for as many that each live just short of the least uptime. 0, no
// limit, is right where no life is too short.
func window(app ecosystem.App) time.Duration {
	if app.MinUptime == 0 {
		return 0
	}
	const most = 365 * 24 * time.Hour
	each := app.MinUptime + max(app.RestartDelay, leastDelay)
	n := time.Duration(max(app.MaxRestarts, 1))
	if each > most/n {
		return most
	}
	return each * n
}

// count returns a number of instances as the activator reads it.
func count(c ecosystem.Count) string {
	if c.PerCPU && c.N == 0 {
		return "max"
	}
	return strconv.Itoa(c.N)
}

// ports fills in where the app listens.
func (g *generation) ports(v *view, q quoter) {
	for _, p := range q.app.Ports {
		before := len(g.problems)
		address := q.value(p.Key, p.Address, units.Listen)
		if len(g.problems) > before {
			continue
		}
		if strings.HasPrefix(p.Address, "/") {
			g.problem(q.app, p.Key, fmt.Sprintf("%q is a path, and the activator shares no Unix socket yet", p.Address), `write a port, or an address such as "127.0.0.1:3000"`)
			continue
		}
		// The units would both start, and the kernel would deal the connections
		// out among the workers of both.
		if first, ok := g.listening[p.Address]; ok {
			g.problem(q.app, p.Key, fmt.Sprintf("%s listens on %s too", first, p.Address), "give each app a port of its own")
			continue
		}
		g.listening[p.Address] = q.app.Place
		v.Ports = append(v.Ports, address)
		v.LowPort = v.LowPort || isLow(p.Address)
	}
}

// isLow tells whether a port needs CAP_NET_BIND_SERVICE (capabilities(7)).
func isLow(address string) bool {
	port, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	return err == nil && port < 1024
}

// account fills in who the app runs as.
func (g *generation) account(v *view, q quoter, name string) {
	app := q.app
	v.Unprivileged = app.User != "root" && app.User != "0"
	if app.Group != "" {
		group := q.value("gid", app.Group, units.Account)
		v.Group = &group
	}
	if app.User != "" {
		v.User = q.value("uid", app.User, units.Account)
		return
	}
	account := units.AccountName(name)
	if knownAccounts[account] || strings.HasPrefix(account, "systemd-") {
		g.problem(app, "name", fmt.Sprintf("the app would run as %q, an account that machines have for something else", account), "name the account: user: \"…\", or give all units a prefix: --prefix app-")
	}
	v.OwnAccount = true
	v.User = q.value("the account", account, units.Account)
	v.Home = q.value("the account's home", home(g.opt.Root), units.Field)
}

// home returns what passwd(5) can hold, where a colon ends a field.
func home(dir string) string {
	if strings.Contains(dir, ":") {
		return "-"
	}
	return dir
}

// environment fills in the variables.
func (g *generation) environment(v *view, q quoter) {
	app := q.app
	for _, e := range app.Variables {
		v.Environment = append(v.Environment, q.words("env."+e.Name, func() (units.Value, error) { return units.Assignment(e.Name, e.Value) }))
	}
	if app.LogDateFormat != "" {
		v.Environment = append(v.Environment, q.words("log_date_format", func() (units.Value, error) {
			return units.Assignment("GOPM_LOG_DATE_FORMAT", app.LogDateFormat)
		}))
	}
	number := app.InstanceVar
	if number == "" && !app.Cluster {
		number = "NODE_APP_INSTANCE"
	}
	if number != "" {
		v.Environment = append(v.Environment, q.words("instance_var", func() (units.Value, error) { return units.InstanceVariable(number) }))
	}
}

// logs fills in where the output goes, and the folders it needs.
func (g *generation) logs(v *view, q quoter) {
	app := q.app
	v.Output = q.log("out_file", app.Output)
	v.Errors = q.log("error_file", app.Errors)
	if v.Output != nil && v.Errors == nil {
		// Left out, it would go where the output goes.
		journal := q.value("StandardError=", "journal", units.Text)
		v.Errors = &journal
	}
	v.LogMode, v.LogGroup = "0750", v.User
	switch {
	case v.Group != nil:
		v.LogGroup = *v.Group
	case !v.OwnAccount:
		// The main group of somebody else's account is not known here.
		v.LogMode, v.LogGroup = "0755", q.value("the group", "root", units.Account)
	}
	var dirs []string
	for _, l := range []ecosystem.Log{app.Output, app.Errors} {
		if dir := path.Dir(l.Path); l.Path != "" && g.makes(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		v.LogDirs = append(v.LogDirs, q.value("the log folder", dir, units.Field))
	}
}

// makes reports whether tmpfiles.d may make and own a folder: one of the app's,
// or one in /var/log, but never a folder that others have.
func (g *generation) makes(dir string) bool {
	return strings.HasPrefix(dir, strings.TrimSuffix(g.opt.Root, "/")+"/") && g.opt.Root != "/" || strings.HasPrefix(dir, "/var/log/")
}

// quoter makes values for an app, and problems of what has none.
type quoter struct {
	g   *generation
	app ecosystem.App
}

// value quotes the string s for what.
func (q quoter) value(what, s string, quote func(string) (units.Value, error)) units.Value {
	v, err := quote(s)
	q.refused(what, fmt.Sprintf("%q ", s), err)
	return v
}

// words quotes what is more than a string, and is named by what alone.
func (q quoter) words(what string, quote func() (units.Value, error)) units.Value {
	v, err := quote()
	q.refused(what, "", err)
	return v
}

func (q quoter) refused(what, subject string, err error) {
	var refused *units.RefusedError
	switch {
	case errors.As(err, &refused):
		q.g.problem(q.app, what, subject+refused.Why, refused.Hint)
	case err != nil:
		q.g.problem(q.app, what, subject+err.Error(), "")
	}
}

// log makes the value of StandardOutput= or StandardError=; nil is the default.
func (q quoter) log(key string, l ecosystem.Log) *units.Value {
	if !l.Set() {
		return nil
	}
	v := q.words(key, func() (units.Value, error) { return units.Output(l.Discard, l.Path, l.Suffix, l.PerInstance) })
	return &v
}
