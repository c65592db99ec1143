package main

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/units"
)

// Folders of the units that an administrator, or the machine's packages, put
// there. A unit of the first shadows that of the next.
var (
	systemUnits = []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
	userUnits   = []string{"etc/systemd/user", "usr/lib/systemd/user", "lib/systemd/user"}
)

// outputDirs are the folders that gopm-gen puts files into, below the output.
var outputDirs = []string{
	units.SystemDir, units.UserDir, units.PresetDir, units.UserPresetDir,
	units.SysusersDir, units.TmpfilesDir, units.LogrotateDir, units.EnvDir,
}

// taken returns where the machine has a unit that gopm-gen did not make, or made
// from another file that is still there.
func (c command) taken(unit string, f flags, source string) string {
	for _, dir := range c.unitDirs(f.user) {
		name := path.Join(dir, unit)
		first, ok := c.head(name)
		if !ok {
			continue
		}
		if !strings.HasPrefix(first, generator.Mark) {
			return "/" + name
		}
		if by := maker(first); !fromSource(first, source) && by != absolute(c.host.Dir, f.file) && by != "" && c.exists(by) {
			return "/" + name + ", which is of " + by
		}
	}
	return ""
}

// installed tells which apps have units on this machine that gopm-gen made.
func (c command) installed(report generator.Report, user bool) map[string]bool {
	out := map[string]bool{}
	for _, app := range report.Apps {
		out[app.Unit] = app.Unit != "" && slices.ContainsFunc(c.unitDirs(user), func(dir string) bool {
			head, ok := c.head(path.Join(dir, app.Unit+".target"))
			return ok && strings.HasPrefix(head, generator.Mark)
		})
	}
	return out
}

func (c command) unitDirs(user bool) []string {
	if !user {
		return systemUnits
	}
	return append([]string{path.Join(strings.TrimPrefix(c.host.Home, "/"), ".config/systemd/user")}, userUnits...)
}

// longestHead is longer than any first line that gopm-gen writes.
const longestHead = 3 * 4096

// head returns the first line of a file of the machine, and whether it is there.
func (c command) head(name string) (line string, ok bool) {
	f, err := c.host.Files.Open(name)
	if err != nil {
		return "", false
	}
	text, _ := io.ReadAll(io.LimitReader(f, longestHead)) // what cannot be read has no mark
	_ = f.Close()                                         // it was only read
	line, _, _ = strings.Cut(string(text), "\n")
	return line, true
}

// owner tells the files that an earlier run made of the same file: by their
// first line, and where only some apps are chosen, by their names too.
func (c command) owner(f flags, report generator.Report) units.Owner {
	o := units.Owner{Mark: generator.Mark, Dirs: outputDirs}
	o.Other = func(first string) string { return c.other(f, first, report.Source) }
	// Who writes to the standard input today need not be who did yesterday.
	if f.file == stdin {
		return o
	}
	o.Made = func(name, first string) bool {
		return fromSource(first, report.Source) && (len(f.only) == 0 || slices.ContainsFunc(report.Apps, func(app generator.AppReport) bool {
			unit := app.Unit
			if unit == "" { // it was refused
				unit, _ = units.AppName(f.prefix + app.Name)
			}
			return belongs(name, unit)
		}))
	}
	return o
}

// other returns the ecosystem file that a file to be replaced was made from, where
// that is another one than this: one project must not lose its units to the next.
// A file that was moved is the same one.
func (c command) other(f flags, first, source string) string {
	by, here := maker(first), absolute(c.host.Dir, f.file)
	switch {
	case by == "" || fromSource(first, source) || by == here:
		return ""
	case c.exists(source) && !c.exists(by):
		return ""
	// Nobody but the files beside it has a part in gopm-units.
	case f.output == "" && f.destDir == "" && (path.Base(by) == path.Base(here) || !c.exists(path.Join(path.Dir(here), path.Base(by)))):
		return ""
	}
	return by
}

// maker returns the ecosystem file from which gopm-gen made a file that begins
// with a line.
func maker(first string) string {
	rest, _ := strings.CutPrefix(first, generator.Mark+" from ")
	by, _, _ := strings.Cut(rest, ". To change it: ")
	by = strings.ReplaceAll(strings.TrimSuffix(by, "."), "%%", "%")
	if !path.IsAbs(by) {
		return ""
	}
	return by
}

// fromSource reports whether the first line of a file says that it was made
// from source: the path ends the line, or a sentence in it.
func fromSource(first, source string) bool {
	if v, err := units.Text(source); err == nil {
		source = v.String() // as a template has it
	}
	rest, ok := strings.CutPrefix(first, generator.Mark+" from "+source)
	return ok && (rest == "" || rest == "." || strings.HasPrefix(rest, ". "))
}

// belongs reports whether a file has a name that it could only have been given
// for the app whose units are called unit. Those of the app api do not begin
// with api alone: api-update.service does, and is the update service of api, but
// api-update.target is the target of another app.
func belongs(name, unit string) bool {
	dir, base := path.Split(name)
	if strings.HasSuffix(dir, ".d/") && !slices.Contains(outputDirs, path.Clean(dir)) {
		base = path.Base(strings.TrimSuffix(dir, ".d/")) // a drop-in belongs to its unit
	}
	for _, prefix := range []string{"gopm-activator@", "gopm-", "80-gopm-", ""} {
		rest, ok := strings.CutPrefix(base, prefix+unit)
		if ok && slices.Contains([]string{
			"", ".target", ".socket", ".service", "@.service", ".conf", ".env", ".preset",
			"-reload.service", "-update.service", "-restart.service", "-restart.timer",
		}, rest) {
			return true
		}
	}
	return false
}
