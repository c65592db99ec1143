package main

import (
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/nfpm"
	"github.com/gopm/gopm/units"
)

// next lists the commands that put the units to work.
func (o outcome) next() []string {
	if o.Output == "" || len(o.Units)+len(o.removed()) == 0 {
		return nil
	}
	if o.flags.user {
		return o.nextForUser()
	}
	if o.flags.nfpm != "" {
		config := shell(path.Join(o.Output, nfpm.Config))
		return []string{"nfpm package --packager deb --config " + config, "nfpm package --packager rpm --config " + config}
	}
	var out []string
	staged := o.Output != "/" && !o.flags.packaged()
	removed := o.removed()
	if gone := enabled(removed); len(gone) > 0 && !o.flags.packaged() {
		names := strings.Join(gone, " ")
		if staged {
			out = append(out, "sudo systemctl disable --now "+names)
		} else {
			// The files are gone. disable would have systemd forget first that the
			// instances belong to the target, and they would go on.
			out = append(out, "sudo systemctl stop "+names, "sudo systemctl disable "+names)
		}
	}
	if staged {
		if len(removed) > 0 {
			out = append(out, "sudo rm -f "+words("/", removed))
		}
		out = append(out, "sudo cp -r "+words(o.Output, o.tops())+" /")
	}
	// By name: what others have there may be broken.
	if names := o.in(units.SysusersDir); names != "" {
		out = append(out, "sudo systemd-sysusers "+names)
	}
	if names := o.in(units.TmpfilesDir); names != "" {
		out = append(out, "sudo systemd-tmpfiles --create "+names)
	}
	out = append(out, "sudo systemctl daemon-reload")
	return append(out, o.start("sudo systemctl")...)
}

// nextForUser is next for units of a user.
func (o outcome) nextForUser() []string {
	const mine = "~/.config/systemd/user"
	var out []string
	removed := o.removed()
	var files []string
	if gone := enabled(removed); len(gone) > 0 {
		out = append(out, "systemctl --user disable --now "+strings.Join(gone, " "))
	}
	for _, name := range removed {
		if rest, ok := strings.CutPrefix(name, units.UserDir+"/"); ok {
			files = append(files, rest)
		}
	}
	if len(files) > 0 {
		out = append(out, "rm -f "+words(mine, files))
	}
	if !o.flags.packaged() {
		out = append(out, "mkdir -p "+mine, "cp -r "+shell(path.Join(o.Output, units.UserDir))+"/. "+mine)
	}
	out = append(out, "systemctl --user daemon-reload")
	out = append(out, o.start("systemctl --user")...)
	// Else they run only while somebody is logged in.
	return append(out, "loginctl enable-linger")
}

// start lists the commands that start the apps. One that this machine has is
// only reloaded: a start would run what has ended, such as a job, again.
func (o outcome) start(systemctl string) []string {
	var fresh, known, reload []string
	for _, app := range o.Apps {
		if o.flags.packaged() || !o.installed[app.Unit] {
			fresh = append(fresh, enables(app)...)
			continue
		}
		known = append(known, enables(app)...)
		reload = append(reload, app.Unit+".target")
	}
	var out []string
	for _, c := range []struct {
		verb  string
		units []string
	}{{"enable", known}, {"enable --now", fresh}, {"reload", reload}} {
		if len(c.units) > 0 {
			out = append(out, systemctl+" "+c.verb+" "+strings.Join(c.units, " "))
		}
	}
	return out
}

// enables lists the units of an app to enable. Its target enables its socket
// too: Also= of systemd.unit(5).
func enables(app generator.AppReport) []string {
	var out []string
	for _, e := range app.Enable {
		out = append(out, e.Unit)
	}
	if slices.Contains(out, app.Unit+".target") {
		out = slices.DeleteFunc(out, func(unit string) bool { return path.Ext(unit) == ".socket" })
	}
	return out
}

// in lists the names of the files of the set that are in a folder.
func (o outcome) in(dir string) string {
	var names []string
	for _, f := range o.Units {
		if path.Dir(f.Path) == dir {
			names = append(names, path.Base(f.Path))
		}
	}
	return strings.Join(names, " ")
}

// tops lists the outermost folders of the files.
func (o outcome) tops() []string {
	var out []string
	for _, f := range o.Units {
		top, _, _ := strings.Cut(f.Path, "/")
		out = append(out, top)
	}
	// usr first: what etc has is of use to units alone.
	slices.Sort(out)
	out = slices.Compact(out)
	slices.Reverse(out)
	return out
}

// enabled lists the units among files that can have been enabled: a service of
// an app is started by one of these.
func enabled(files []string) []string {
	var out []string
	for _, name := range files {
		if slices.Contains([]string{".target", ".socket", ".timer"}, path.Ext(name)) {
			out = append(out, path.Base(name))
		}
	}
	return out
}

// words puts paths below a folder into a command line.
func words(dir string, names []string) string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, shell(path.Join(dir, name)))
	}
	return strings.Join(out, " ")
}

// shell quotes a word for a shell where it has to be. A ~ at its start is the
// home.
func shell(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-@~+,:%") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
