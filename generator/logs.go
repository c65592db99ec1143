package generator

import (
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// logs fills in where the output goes, and the folders it needs.
func (g *generation) logs(v *view, q quoter) {
	app := q.app
	if g.opt.Boot {
		return
	}
	was := [2]ecosystem.Log{app.Output, app.Errors}
	app.Output, app.Errors = g.outside(app.Output, v.Unit.String()), g.outside(app.Errors, v.Unit.String())
	if was != [2]ecosystem.Log{app.Output, app.Errors} {
		g.note("logs", ecosystem.Differently, "they are in /var/log/%s: what is below /usr is the package's", v.Unit)
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
	v.LogDirs, v.OtherDirs = q.folders(dirs), q.folders(others)
}

// folders quotes folders of logs, each once.
func (q quoter) folders(dirs []string) []units.Value {
	var out []units.Value
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		out = append(out, q.value("the log folder", dir, units.Field))
	}
	return out
}

// makes reports whether tmpfiles.d may make and own a folder: one of the app's,
// or one in /var/log, but never a folder that others have.
func (g *generation) makes(dir string) bool {
	if g.opt.User {
		return false
	}
	return strings.HasPrefix(dir, strings.TrimSuffix(g.opt.Root, "/")+"/") && g.opt.Root != "/" || strings.HasPrefix(dir, "/var/log/")
}
