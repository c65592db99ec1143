package generator

import (
	"fmt"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

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
	if !app.Cluster && (app.Supervised() || app.LogJSON || app.LogDateFormat != "") {
		out = append(out, "--require="+units.Agent)
	}
	return out
}
