package generator

import (
	"errors"
	"fmt"
	"strings"

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
	// ServiceUser is the account of apps that name none.
	ServiceUser string
	// Systemd is the version that the units must work with; 0 is 249.
	Systemd int
	// User makes units for systemctl --user.
	User bool
	// Boot makes units as a systemd.generator(7) does: no accounts, no folders.
	Boot bool
	// EnvDir is the absolute folder of the environment files that only root
	// reads; empty is /etc/gopm.
	EnvDir string
	// SourceExists says that the file is where Source says.
	SourceExists bool
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
	g := generation{file: file, opt: opt, named: map[string]string{}, listening: map[string]string{}}
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
	g.common()
	return g.result, g.problems
}

// generation is one run of Generate.
type generation struct {
	file      ecosystem.File
	opt       Options
	named     map[string]string // which app has a unit name
	listening map[string]string // which app has an address
	result    Result
	problems  []*ecosystem.Problem
}

// app adds the units of one app.
func (g *generation) app(app ecosystem.App, used map[string]bool) {
	before := len(g.problems)
	name := g.name(app)
	for _, key := range []string{app.Name, name} {
		if addresses, ok := g.opt.Listen[key]; ok {
			used[key] = true
			app.Ports = nil
			for _, address := range addresses {
				app.Ports = append(app.Ports, ecosystem.Port{Address: address, Key: "--listen"})
			}
		}
	}
	v := g.view(app, name)
	if len(g.problems) > before {
		return
	}
	out := AppReport{Name: app.Name, Unit: v.Unit.String(), Cluster: v.Cluster, Instances: v.Count, Notes: g.notes(app, v)}
	for _, f := range v.files() {
		text, err := templates.Render(f.template, v)
		if err == nil {
			err = g.result.Units.Add(f.path, text)
		}
		var taken *units.TakenError
		switch {
		case errors.As(err, &taken):
			g.problem(app, "name", fmt.Sprintf("%q needs the file %s, which another app has", app.Name, f.path), "give one of them another name")
		case err != nil:
			g.problem(app, "", err.Error(), "")
		}
		out.Files = append(out.Files, f.path)
	}
	for _, p := range v.Ports {
		out.Ports = append(out.Ports, p.String())
	}
	out.Enable = append(out.Enable, Enabled{Unit: out.Unit + ".target", WantedBy: "multi-user.target"})
	if v.Cluster && len(v.Ports) > 0 {
		out.Enable = append(out.Enable, Enabled{Unit: out.Unit + ".socket", WantedBy: "sockets.target"})
	}
	g.result.Report.Apps = append(g.result.Report.Apps, out)
}

func (g *generation) problem(app ecosystem.App, key, text, hint string) {
	g.problems = append(g.problems, &ecosystem.Problem{File: g.file.Name, Place: app.Place, Key: key, Text: text, Hint: hint})
}

// file is a template and the path it goes to.
type file struct{ template, path string }

// files lists the files that an app needs.
func (v view) files() []file {
	unit := v.Unit.String()
	system := units.SystemDir + "/"
	out := []file{{"app.target", system + unit + ".target"}}
	if v.Cluster && len(v.Ports) > 0 {
		out = append(out, file{"app.socket", system + unit + ".socket"})
	}
	out = append(out, file{"app@.service", system + unit + "@.service"})
	if v.Cluster {
		out = append(out, file{"activator.conf", system + "gopm-activator@" + unit + ".service.d/10-gopm.conf"})
	}
	if len(v.UpdateCommands) > 0 {
		out = append(out, file{"app-update.service", system + unit + "-update.service"})
	}
	// Not <app>.conf: systemd ships files such as basic.conf and x11.conf there.
	if v.OwnAccount {
		out = append(out, file{"sysusers.conf", units.SysusersDir + "/gopm-" + unit + ".conf"})
	}
	if len(v.LogDirs) > 0 {
		out = append(out, file{"tmpfiles.conf", units.TmpfilesDir + "/gopm-" + unit + ".conf"})
	}
	return out
}

// name returns the name of an app's units, and refuses one that is taken.
func (g *generation) name(app ecosystem.App) string {
	name, _ := units.AppName(g.opt.Prefix + app.Name)
	if first, ok := g.named[name]; ok {
		text := first + " has the same name"
		if !strings.HasSuffix(first, fmt.Sprintf(" %q", app.Name)) {
			text = fmt.Sprintf("ends in the unit name %q, and so does that of %s", name, first)
		}
		g.problem(app, "name", text, "give each app a name of its own")
		return name
	}
	g.named[name] = app.Place
	if why := g.taken(name); why != "" {
		g.problem(app, "name", fmt.Sprintf("%q would shadow %s", name, why), "give the app another name, or all units a prefix: --prefix app-")
	}
	return name
}

// taken says what a name would shadow.
func (g *generation) taken(name string) string {
	if knownUnits[name] {
		return "the unit " + name + ".service that many machines have"
	}
	if g.opt.Taken == nil {
		return ""
	}
	for _, suffix := range []string{".service", "@.service", ".socket", ".target", ".timer", ".mount", ".path", "-update.service"} {
		if at := g.opt.Taken(name + suffix); at != "" {
			return at
		}
	}
	return ""
}

// Mark is how every file begins that this package makes.
const Mark = "# Generated by gopm-gen"
