package generator

import (
	"errors"
	"fmt"
	"maps"
	"math"
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
	Source       units.Value
	SourceExists bool
	Unit         units.Value
	Title        units.Value
	Original     *units.Value // the app's own name, where the units have another
	Namespace    *units.Value // the name of its target
	Cluster      bool
	Supervised   bool // it has an activator
	ForUser      bool // for systemctl --user
	BootTarget   units.Value
	Systemctl    units.Value
	ReloadUnit   units.Value // a reload of it is one of the app
	AutoStart    bool
	Lazy         bool

	Ports                  []units.Value
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
	StartTimeout       *units.Value
	KillTimeout        units.Value // from SIGINT to SIGKILL
	StopTimeout        units.Value // of the whole stop
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
	// agent is preloaded where there is something to do in the process itself.
	agent = "/usr/lib/gopm/agent.cjs"
)

// view quotes everything of an app. What cannot be quoted is a problem.
func (g *generation) view(app ecosystem.App, name string) view {
	q := quoter{g: g, app: app}
	v := view{
		Source:       q.value("SourcePath=", g.file.Path, units.Text),
		SourceExists: g.opt.SourceExists,
		Unit:         q.value("the unit name", name, units.Name),
		Title:        q.value("Description=", strings.TrimSpace(app.Name), units.Text),
		Cluster:      app.Cluster, Supervised: app.Supervised(), ForUser: g.opt.User,
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
	if v.Cluster || v.Supervised && app.WaitReady {
		timeout := units.Span(startTimeout)
		if app.ListenTimeout > 0 {
			timeout = units.Span(app.ListenTimeout)
		}
		v.StartTimeout = &timeout
	}
	if v.Cluster {
		g.ports(&v, q)
	}
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
	g.environment(&v, q)
	g.logs(&v, q)
	g.watch(&v, q)
	g.healthCheck(&v, q)
	g.pace(&v, app)
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

// stopTimeout is the time after which systemd kills what is left of an app.
func stopTimeout(app ecosystem.App) time.Duration {
	switch {
	case app.Cluster:
		return app.DrainTimeout + app.KillTimeout + stopMargin
	case app.ShutdownMessage:
		return app.KillTimeout + stopMargin
	}
	return max(app.KillTimeout, leastStop)
}

// killMode says whom a stop signals (systemd.kill(5)). PM2 signals every process
// of an app, which in cluster mode would end a worker's children before it has
// finished its requests.
func killMode(app ecosystem.App) string {
	switch {
	case !app.TreeKill:
		return "process"
	case app.Cluster:
		return "mixed"
	}
	return "control-group"
}

// restarts fills in when systemd starts an instance again, and when no more.
func (g *generation) restarts(v *view, app ecosystem.App) {
	v.RestartDelay = units.Span(max(app.RestartDelay, leastDelay))
	v.StartLimitInterval = units.Span(window(app))
	if app.Backoff == 0 {
		return
	}
	v.RestartDelay = units.Span(max(app.Backoff, leastDelay))
	if g.opt.Systemd < stepsSince {
		return
	}
	// systemd spreads the growth evenly over the steps; PM2's delays grow by half.
	const growth = 1.5
	first := min(max(app.Backoff, leastDelay), mostBackoff)
	v.BackoffSteps = max(int(math.Ceil(math.Log(float64(mostBackoff)/float64(first))/math.Log(growth))), 1)
	v.BackoffMost = units.Span(max(mostBackoff, app.Backoff))
	v.StartLimitInterval = units.Span(0)
}

// window is the time within which MaxRestarts starts are too many. It is long
// enough for as many that each live just short of the least uptime. 0, no
// limit, is right where no life is too short.
func window(app ecosystem.App) time.Duration {
	if app.MinUptime == 0 {
		return 0
	}
	const most = 365 * 24 * time.Hour
	each := app.MinUptime + max(app.RestartDelay, app.Backoff, leastDelay) + startMargin
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

// command fills in what is run.
func (g *generation) command(v *view, q quoter) {
	app := q.app
	program, args := app.Command()
	if app.Node {
		args = append(nodeOptions(app), args...)
	}
	g.env(v, q, program)
	v.Command = q.words("ExecStart=", func() (units.Value, error) { return units.Command(program, args...) })
	var flags []string
	if !app.Cluster {
		flags = append(flags, "--fork")
	}
	if app.Increment != nil {
		if !units.IsVariable(app.Increment.Name) {
			g.problem(app, "increment_var", fmt.Sprintf("%q is not the name of a variable", app.Increment.Name), "use letters, digits and _, and no digit first")
		}
		flags = append(flags, fmt.Sprintf("--increment=%s=%d", app.Increment.Name, app.Increment.Base))
	}
	if app.Pin {
		flags = append(flags, "--pin")
	}
	if len(flags) > 0 {
		words := q.words("ExecStart=", func() (units.Value, error) { return units.Words(flags...) })
		v.ExecFlags = &words
	}
}

// oddVariable is a variable whose name systemd does not take. Where its value is
// a secret, the unit has it by another name.
type oddVariable struct{ name, secretly string }

// env has env(1) set what systemd cannot, and look for a bare program in the
// app's own PATH, where systemd looks in its own.
func (g *generation) env(v *view, q quoter, program string) {
	var words, hide []units.Value
	add := func(list *[]units.Value, key string, quote func() (units.Value, error)) {
		*list = append(*list, q.words(key, quote))
	}
	ownPath := false
	for _, e := range q.app.Variables {
		key := "env." + e.Name
		ownPath = ownPath || e.Name == "PATH"
		switch {
		case units.IsVariable(e.Name):
		case e.Name == "":
			g.note("env", ecosystem.Refused, "a variable without a name")
		case e.Secret:
			name := fmt.Sprintf("GOPM_SECRET_%d", len(v.odd))
			v.odd = append(v.odd, oddVariable{e.Name, name})
			add(&hide, key, func() (units.Value, error) { return units.Words("--unset=" + name) })
			add(&words, key, func() (units.Value, error) { return units.Reference(e.Name+"=", name) })
		default:
			v.odd = append(v.odd, oddVariable{name: e.Name})
			add(&words, key, func() (units.Value, error) { return units.Words(e.Name + "=" + e.Value) })
		}
	}
	if len(words) > 0 || ownPath && !v.Supervised && !strings.Contains(program, "/") {
		v.Env = append(append(append([]units.Value{units.Specified("/usr/bin/env")}, hide...), units.Specified("--")), words...)
	}
}

// nodeOptions are what PM2 does inside a process of Node, as options of Node's
// own. Where the app gives one itself, its own comes later and counts.
func nodeOptions(app ecosystem.App) []string {
	var out []string
	given := strings.Join(app.ProgramArgs, " ")
	if app.SourceMaps && !strings.Contains(given, "--enable-source-maps") {
		out = append(out, "--enable-source-maps")
	}
	if app.TakeRejection && !strings.Contains(given, "--unhandled-rejections") {
		out = append(out, "--unhandled-rejections=warn")
	}
	if !app.Cluster && (app.LogJSON || app.LogDateFormat != "") {
		out = append(out, "--require="+agent)
	}
	return out
}

// ports fills in where the app listens.
func (g *generation) ports(v *view, q quoter) {
	for _, p := range q.app.Ports {
		before := len(g.problems)
		address := q.value(p.Key, p.Address, units.Listen)
		if len(g.problems) > before {
			continue
		}
		given := p.Key == "--listen" || strings.HasPrefix(p.Key, "gopm.")
		// The units would both start, and the kernel would deal the connections
		// out among the workers of both.
		if first := g.listener(q.app.Place, p.Address); first != "" {
			if given {
				g.problem(q.app, p.Key, fmt.Sprintf("%s listens on %s too", first, p.Address), "give each app a port of its own")
			} else {
				g.note(p.Key, ecosystem.Differently, "%s has %s already: no socket unit, and a listen() on it fails. PM2 would deal its connections out to both", first, p.Address)
			}
			continue
		}
		g.listening[p.Address] = q.app.Place
		v.Ports = append(v.Ports, address)
		if strings.HasPrefix(p.Address, "/") {
			v.SocketFile = true
			if !g.opt.User && !g.opt.Boot {
				g.note(p.Key, ecosystem.Differently, "members of the app's group may connect to %s, so the account of nginx has to be one; PM2's is for the app's own account", p.Address)
			}
			continue
		}
		v.SharedPort = true
		v.LowPort = v.LowPort || isLow(p.Address)
	}
}

// listener returns the app that listens on an address, or on all of its port.
func (g *generation) listener(place, address string) string {
	for _, other := range slices.Sorted(maps.Keys(g.listening)) {
		by := g.listening[other]
		if other == address || by != place && overlap(other, address) {
			return by
		}
	}
	return ""
}

// overlap tells whether one of two addresses is a part of the other: a port
// alone is that of all addresses.
func overlap(a, b string) bool {
	hostA, portA := splitAddress(a)
	hostB, portB := splitAddress(b)
	if portA != portB {
		return false
	}
	all := func(host, other string) bool {
		return host == "" || host == "[::]" || host == "0.0.0.0" && !strings.HasPrefix(other, "[") || host == other
	}
	return all(hostA, hostB) || all(hostB, hostA)
}

// splitAddress parts the port of an address from what is before it.
func splitAddress(address string) (host, port string) {
	at := strings.LastIndexByte(address, ':')
	return address[:max(at, 0)], address[at+1:]
}

// isLow tells whether a port needs CAP_NET_BIND_SERVICE (capabilities(7)).
func isLow(address string) bool {
	_, text := splitAddress(address)
	port, err := strconv.Atoi(text)
	return err == nil && port < 1024
}

// account fills in who the app runs as.
func (g *generation) account(v *view, q quoter, name string) {
	app := q.app
	if v.ForUser {
		return
	}
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
		account = units.AccountName("gopm-" + name)
		v.renamedAccount = true
	}
	v.OwnAccount, v.Dynamic = !g.opt.Boot, g.opt.Boot
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
	set := func(key, name, value string) {
		v.Environment = append(v.Environment, q.words(key, func() (units.Value, error) { return units.Assignment(name, value) }))
	}
	number := app.InstanceVar
	if number == "" && !app.Supervised() {
		number = "NODE_APP_INSTANCE"
	}
	for _, e := range app.Variables {
		switch {
		case e.Name == number && number != "": // PM2 has its own count over env
		case !units.IsVariable(e.Name):
			if at := slices.IndexFunc(v.odd, func(o oddVariable) bool { return o.name == e.Name }); at >= 0 && e.Secret {
				v.Secrets = append(v.Secrets, q.words("env."+e.Name, func() (units.Value, error) { return units.Variable(v.odd[at].secretly, e.Value) }))
			}
		// systemd has files count over Environment=, and the last file over the
		// others: what is to count over a file is in a file.
		case e.Secret || len(app.EnvFiles) > 0:
			v.Secrets = append(v.Secrets, q.words("env."+e.Name, func() (units.Value, error) { return units.Variable(e.Name, e.Value) }))
		default:
			set("env."+e.Name, e.Name, e.Value)
		}
	}
	if app.LogDateFormat != "" {
		set("log_date_format", "GOPM_LOG_DATE_FORMAT", app.LogDateFormat)
	}
	if app.LogJSON {
		set("log_type", "GOPM_LOG_TYPE", "json")
		set("name", "GOPM_LOG_NAME", app.Name)
	}
	if number != "" {
		v.Environment = append(v.Environment, q.words("instance_var", func() (units.Value, error) { return units.InstanceVariable(number) }))
	}
	for _, f := range app.EnvFiles {
		v.EnvFiles = append(v.EnvFiles, q.value("env_file", f, units.EnvironmentFile))
	}
	if len(v.Secrets) > 0 {
		g.secrets(v, q)
	}
}

// secrets fills in the file that only root reads, which comes last.
func (g *generation) secrets(v *view, q quoter) {
	file := v.Unit.String() + ".env"
	dir := g.opt.EnvDir
	switch {
	case g.opt.User:
		v.secretPath = units.UserDir + "/" + file
		v.EnvFiles = append(v.EnvFiles, q.value("env", file, units.BesideUserUnits))
		return
	case dir == "":
		dir = "/etc/gopm"
	}
	full := path.Join(dir, file)
	v.secretPath = strings.TrimPrefix(full, "/")
	v.EnvFiles = append(v.EnvFiles, q.value("env", full, units.EnvironmentFile))
}

// logs fills in where the output goes, and the folders it needs.
func (g *generation) logs(v *view, q quoter) {
	app := q.app
	if g.opt.Boot {
		return
	}
	v.Output = q.log("out_file", app.Output)
	v.Errors = q.log("error_file", app.Errors)
	if v.Output != nil && v.Errors == nil {
		// Left out, it would go where the output goes.
		journal := units.Specified("journal")
		v.Errors = &journal
	}
	v.LogMode, v.LogGroup = "0750", v.User
	switch {
	case v.Group != nil:
		v.LogGroup = *v.Group
	case !v.OwnAccount:
		// The main group of somebody else's account is not known here.
		v.LogMode, v.LogGroup = "0755", units.Specified("root")
	}
	var dirs, others []string
	var logs []ecosystem.Log
	for _, l := range []ecosystem.Log{app.Output, app.Errors} {
		// systemd opens devices too, and nobody rotates them.
		if l.Path == "" || strings.HasPrefix(l.Path, "/dev/") || slices.Contains(logs, l) {
			continue
		}
		logs = append(logs, l)
		if dir := path.Dir(l.Path); g.makes(dir) {
			dirs = append(dirs, dir)
		} else if dir != g.opt.Root && !g.opt.User {
			others = append(others, dir)
		}
		pattern, err := units.LogPattern(l.Path, l.Suffix, l.PerInstance)
		if err != nil {
			g.note("logs", ecosystem.Differently, "%q %v: nobody rotates it", l.Path, err)
			continue
		}
		v.LogFiles = append(v.LogFiles, pattern)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		v.LogDirs = append(v.LogDirs, q.value("the log folder", dir, units.Field))
	}
	slices.Sort(others)
	for _, dir := range slices.Compact(others) {
		v.OtherDirs = append(v.OtherDirs, q.value("the log folder", dir, units.Field))
	}
}

// makes reports whether tmpfiles.d may make and own a folder: one of the app's,
// or one in /var/log, but never a folder that others have.
func (g *generation) makes(dir string) bool {
	if g.opt.User {
		return false
	}
	return strings.HasPrefix(dir, strings.TrimSuffix(g.opt.Root, "/")+"/") && g.opt.Root != "/" || strings.HasPrefix(dir, "/var/log/")
}

// watch fills in which changes reload the app.
func (g *generation) watch(v *view, q quoter) {
	w := q.app.Watch
	if w == nil {
		return
	}
	paths := func(key, variable string, list []string) *units.Value {
		text := strings.ReplaceAll(strings.Join(list, "\n"), ":", `\:`) // a colon stands between two
		value := q.words(key, func() (units.Value, error) {
			return units.Assignment(variable, strings.ReplaceAll(text, "\n", ":"))
		})
		return &value
	}
	v.Watch = paths("watch", "GOPM_WATCH", w.Paths)
	if w.Ignore != nil {
		ignore := w.Ignore
		if len(ignore) == 0 {
			ignore = []string{"/dev/null"} // no more than that; without any it is PM2's default
		}
		v.WatchIgnore = paths("ignore_watch", "GOPM_WATCH_IGNORE", ignore)
	}
	v.WatchTemporary = slices.ContainsFunc(w.Paths, isTemporary)
	v.WatchDelay = w.Delay.Milliseconds()
}

// isTemporary tells whether a path is where PrivateTmp= has a folder of its own.
func isTemporary(name string) bool {
	return strings.HasPrefix(name+"/", "/tmp/") || strings.HasPrefix(name+"/", "/var/tmp/")
}

// healthCheck fills in how a worker is asked.
func (g *generation) healthCheck(v *view, q quoter) {
	h := q.app.HealthCheck
	switch {
	case h == nil:
		return
	case !v.Cluster:
		g.note("gopm.health_check", ecosystem.Refused, "only in cluster mode, where the activator can hand an app a connection")
		return
	}
	set := func(name, value string) {
		v.HealthCheck = append(v.HealthCheck, q.words("gopm.health_check", func() (units.Value, error) { return units.Assignment(name, value) }))
	}
	if h.Path == "" {
		set("GOPM_HEALTH_CHECK", "connect")
	} else {
		set("GOPM_HEALTH_CHECK", h.Path)
	}
	for _, e := range []struct {
		name string
		n    int64
	}{
		{"INTERVAL", h.Interval.Milliseconds()},
		{"TIMEOUT", h.Timeout.Milliseconds()},
		{"THRESHOLD", int64(h.Threshold)},
		{"START_PERIOD", h.StartPeriod.Milliseconds()},
	} {
		if e.n > 0 {
			set("GOPM_HEALTH_CHECK_"+e.name, strconv.FormatInt(min(e.n, math.MaxInt32), 10))
		}
	}
}

// pace fills in how many workers a reload starts and replaces at a time.
func (g *generation) pace(v *view, app ecosystem.App) {
	if v.Cluster {
		v.Surge, v.Parallel = app.Surge, app.Parallel
		return
	}
	for key, n := range map[string]int{"gopm.surge": app.Surge, "gopm.parallel": app.Parallel} {
		if n > 1 {
			g.note(key, ecosystem.Refused, "in fork mode no instance runs twice, and a reload restarts one by one")
		}
	}
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
