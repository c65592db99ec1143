package generator

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/templates"
	"github.com/gopm/gopm/units"
)

// Options say how apps become units.
type Options struct {
	// Root is the absolute folder in which the apps will live.
	Root string
	// Prefix goes before the name of every unit.
	Prefix string
	// Listen has addresses by app, under its own name or that of its units. They
	// replace what the file says.
	Listen map[string][]string
	// Taken returns where the machine has a unit that gopm-gen did not make, or
	// "" for none. It may be nil.
	Taken func(unit string) string
	// ServiceUser is the account of apps that name none; empty makes one for each.
	ServiceUser string
	// Systemd is the oldest version that the units must work with; 0 is [OldestSystemd].
	Systemd int
	// User makes units for systemctl --user.
	User bool
	// Boot makes units within a systemd.generator(7), which can make no accounts
	// and no folders.
	Boot bool
	// EnvDir is the absolute folder with the variables that only root may read,
	// where the apps run; empty is /etc/gopm.
	EnvDir string
	// SourceExists says that the file is where the report says, so that systemd
	// can tell when it is newer than its units.
	SourceExists bool
}

// OldestSystemd is the oldest systemd that the units work with: the one of
// Ubuntu 22.04.
const OldestSystemd = 249

// folder is where units go.
func (o Options) folder() string {
	if o.User {
		return units.UserDir
	}
	return units.SystemDir
}

// Result is what became of a file.
type Result struct {
	Units  units.Set
	Report Report
}

// Generate turns the apps of a file into units. It goes on after a problem, so
// that one bad app does not hide the mistakes of the others; the units are only
// complete where there is none.
func Generate(file ecosystem.File, opt Options) (Result, []*ecosystem.Problem) {
	g := generation{file: file, opt: opt, named: map[string]string{}, listening: map[string]string{}, namespaces: map[string]*namespace{}}
	g.result.Report.Source = file.Path
	g.result.Report.Notes = append(g.result.Report.Notes, file.Notes...)
	used := map[string]bool{}
	for _, app := range file.Apps {
		g.app(app, used)
	}
	for name := range opt.Listen {
		if !used[name] {
			g.problems = append(g.problems, &ecosystem.Problem{File: file.Name, Text: fmt.Sprintf("no app is called %q", name), Hint: "write --listen APP=ADDRESS with the name of an app"})
		}
	}
	g.addNamespaces()
	g.common()
	return g.result, g.problems
}

// generation is one run of Generate.
type generation struct {
	file       ecosystem.File
	opt        Options
	named      map[string]string // which app has a unit name
	listening  map[string]string // which app has an address
	bound      []bound
	namespaces map[string]*namespace
	holds      bool             // a socket unit holds a port for an app in fork mode
	said       []ecosystem.Note // about the app that is being done
	result     Result
	problems   []*ecosystem.Problem
}

// app adds the units of one app.
func (g *generation) app(app ecosystem.App, used map[string]bool) {
	before := len(g.problems)
	g.said = nil
	if app.Refused != "" {
		notes := append(slices.Clone(app.Notes), ecosystem.Note{Key: "script", Fate: ecosystem.Refused, Text: app.Refused})
		g.result.Report.Apps = append(g.result.Report.Apps, AppReport{Name: app.Name, Notes: notes})
		return
	}
	if app.User == "" || app.Homed && g.opt.ServiceUser != "" {
		app.User = g.opt.ServiceUser
	}
	name := g.name(app)
	for _, key := range []string{app.Name, name} {
		if addresses, ok := g.opt.Listen[key]; ok {
			used[key] = true
			app.Ports, app.Datagrams = nil, nil
			for _, address := range addresses {
				app.AddPort(ecosystem.Port{Address: address, Key: "--listen"})
			}
		}
	}
	if !app.Cluster {
		app.Ports = g.forkPorts(app, name)
	}
	v := g.view(app, name)
	if len(g.problems) > before || app.Flawed {
		return
	}
	out := AppReport{Name: app.Name, Unit: name, Cluster: v.Cluster, Instances: v.Count, Enable: v.enable(), Notes: g.notes(app, v)}
	for _, p := range v.Ports {
		out.Ports = append(out.Ports, p.report())
	}
	// Another folder in /var/log may be somebody else's too.
	if own := "/var/log/" + name; slices.ContainsFunc(v.LogDirs, func(dir units.Value) bool { return dir.String() == own }) {
		out.Logs = []string{own}
	}
	for _, f := range v.files() {
		if g.add(app, f, v) {
			out.Files = append(out.Files, f.path)
		}
	}
	g.joinNamespace(app, v, &out)
	g.result.Report.Apps = append(g.result.Report.Apps, out)
}

// add renders a file into the set.
func (g *generation) add(app ecosystem.App, f file, view any) bool {
	text, err := templates.Render(f.template, view)
	if err == nil {
		add := g.result.Units.Add
		if f.secret {
			add = g.result.Units.AddSecret
		}
		err = add(f.path, text)
	}
	var taken *units.TakenError
	switch {
	case errors.As(err, &taken):
		g.problem(app, "name", fmt.Sprintf("%q needs the file %s, which another app has", app.Name, f.path), "give one of them another name")
	case err != nil:
		g.problem(app, "", err.Error(), "")
	}
	return err == nil
}

// note adds a line to the report of the app that is being done.
func (g *generation) note(key string, fate ecosystem.Fate, format string, args ...any) {
	g.said = append(g.said, ecosystem.Note{Key: key, Fate: fate, Text: fmt.Sprintf(format, args...)})
}

func (g *generation) problem(app ecosystem.App, key, text, hint string) {
	g.problems = append(g.problems, &ecosystem.Problem{File: g.file.Name, Place: app.Place, App: app.Index, Key: key, Text: text, Hint: hint})
}

// file is a template and the path it goes to.
type file struct {
	template, path string
	secret         bool
}

// files lists the files that an app needs.
func (v view) files() []file {
	unit := v.Unit.String()
	system := v.folder + "/"
	var out []file
	add := func(wanted bool, template, path string) {
		if wanted {
			out = append(out, file{template: template, path: path})
		}
	}
	add(true, "app.target", system+unit+".target")
	add(len(v.Ports) > 0, "app.socket", system+unit+".socket")
	add(true, "app@.service", system+unit+"@.service")
	add(v.Supervised, "activator.conf", system+"gopm-activator@"+unit+".service.d/10-gopm.conf")
	add(!v.Supervised, "app-reload.service", system+unit+"-reload.service")
	add(len(v.UpdateCommands) > 0, "app-update.service", system+unit+"-update.service")
	add(len(v.Calendar) > 0, "app-restart.timer", system+unit+"-restart.timer")
	add(len(v.Calendar) > 0, "app-restart.service", system+unit+"-restart.service")
	if len(v.Secrets) > 0 {
		out = append(out, file{"app.env", v.secretPath, true})
	}
	if v.boot {
		return out
	}
	preset := units.PresetDir
	if v.ForUser {
		preset = units.UserPresetDir
	}
	add(true, "app.preset", preset+"/80-gopm-"+unit+".preset")
	// Not <app>.conf: systemd ships files such as basic.conf and x11.conf there.
	add(v.OwnAccount, "sysusers.conf", units.SysusersDir+"/gopm-"+unit+".conf")
	add(len(v.LogDirs)+len(v.OtherDirs) > 0, "tmpfiles.conf", units.TmpfilesDir+"/gopm-"+unit+".conf")
	add(len(v.LogFiles) > 0 && !v.ForUser, "logrotate", units.LogrotateDir+"/gopm-"+unit)
	return out
}

// name returns the name of an app's units, and refuses one that is taken on
// this machine. One that is taken everywhere gets another; so does the second
// of two, which PM2 runs side by side.
func (g *generation) name(app ecosystem.App) string {
	name, _ := units.AppName(g.opt.Prefix + app.Name)
	if knownUnits[name] {
		g.note("name", ecosystem.Differently, "many machines have a unit called %s; --prefix gives all units another name", name)
		name, _ = units.AppName(name + "-app")
	}
	if first, ok := g.named[name]; ok {
		base := name
		for n := 2; g.named[name] != ""; n++ {
			name, _ = units.AppName(fmt.Sprintf("%s-%d", base, n))
		}
		g.note("name", ecosystem.Differently, "%s has the unit name %s already; PM2 runs both under one name", first, base)
	}
	g.named[name] = app.Place
	if why := g.taken(name); why != "" {
		g.problem(app, "name", fmt.Sprintf("%q would shadow %s", name, why), "give the app another name, or all units a prefix: --prefix app-")
	}
	return name
}

// taken says what a name would shadow.
func (g *generation) taken(name string) string {
	if g.opt.Taken == nil {
		return ""
	}
	for _, suffix := range []string{".service", "@.service", ".socket", ".target", ".timer", ".mount", ".path", "-update.service", "-reload.service", "-restart.service", "-restart.timer"} {
		if at := g.opt.Taken(name + suffix); at != "" {
			return at
		}
	}
	return ""
}

// Mark is how every file begins that this package makes.
const Mark = "# Generated by gopm-gen"
