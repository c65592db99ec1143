package generator

import (
	"maps"
	"slices"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// namespace is a target of several apps.
type namespace struct {
	Source       units.Value
	SourceExists bool
	Unit         units.Value
	Title        units.Value
	BootTarget   units.Value
	Apps         []units.Value
	Started      []units.Value // the apps that start with it

	folder string
	first  ecosystem.App
}

// namespaceUnit returns the name of a namespace's target. An app may be called
// like its namespace; PM2 then means the app by the name.
func (g *generation) namespaceUnit(app ecosystem.App) string {
	unit, _ := units.AppName(g.opt.Prefix + app.Namespace)
	if knownUnits[unit] {
		return unit + "-namespace"
	}
	for _, other := range g.file.Apps {
		if name, _ := units.AppName(g.opt.Prefix + other.Name); name == unit {
			return unit + "-namespace"
		}
	}
	return unit
}

// joinNamespace puts an app into the target of its namespace.
func (g *generation) joinNamespace(app ecosystem.App, v view, out *AppReport) {
	if v.Namespace == nil {
		return
	}
	unit := v.Namespace.String()
	ns := g.namespaces[unit]
	if ns == nil {
		if why := g.taken(unit); why != "" {
			g.problem(app, "namespace", "its target would shadow "+why, "give it another name, or all units a prefix: --prefix app-")
			return
		}
		q := quoter{g, app}
		ns = &namespace{Source: v.Source, SourceExists: v.SourceExists, Unit: *v.Namespace, Title: q.value("namespace", app.Namespace, units.Text), BootTarget: v.BootTarget, folder: v.folder, first: app}
		g.namespaces[unit] = ns
		out.Files = append(out.Files, ns.path())
		out.Enable = append(out.Enable, Enabled{unit + ".target", v.BootTarget.String()})
	}
	ns.Apps = append(ns.Apps, v.Unit)
	if v.AutoStart {
		ns.Started = append(ns.Started, v.Unit)
	}
}

func (n *namespace) path() string { return n.folder + "/" + n.Unit.String() + ".target" }

// addNamespaces adds the targets when every app is known.
func (g *generation) addNamespaces() {
	for _, unit := range slices.Sorted(maps.Keys(g.namespaces)) {
		ns := g.namespaces[unit]
		g.add(ns.first, file{template: "namespace.target", path: ns.path()}, ns)
	}
}
