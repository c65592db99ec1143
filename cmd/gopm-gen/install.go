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

// taken returns where the machine has a unit that gopm-gen did not make.
func (c command) taken(unit string, user bool) string {
	for _, dir := range c.unitDirs(user) {
		name := path.Join(dir, unit)
		if head, ok := c.head(name); ok && head != generator.Mark {
			return "/" + name
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
			return ok && head == generator.Mark
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

// head returns how a file of the machine begins, and whether it is there.
func (c command) head(name string) (text string, ok bool) {
	f, err := c.host.Files.Open(name)
	if err != nil {
		return "", false
	}
	head := make([]byte, len(generator.Mark))
	n, _ := io.ReadFull(f, head) // a shorter file has no mark
	_ = f.Close()                // it was only read
	return string(head[:n]), true
}

// owner tells the files that an earlier run made of the same file: by their
// first line, and where only some apps are chosen, by their names too.
func owner(f flags, report generator.Report) units.Owner {
	o := units.Owner{Mark: generator.Mark, Dirs: outputDirs}
	// Who writes to the standard input today need not be who did yesterday.
	if f.file == stdin {
		return o
	}
	o.Made = func(name, first string) bool {
		return fromSource(first, report.Source) && (len(f.only) == 0 || slices.ContainsFunc(report.Apps, func(app generator.AppReport) bool {
			unit, _ := units.AppName(f.prefix + app.Name) // the report has none of an app that was refused
			return belongs(name, unit)
		}))
	}
	return o
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
