package logs

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gopm/gopm/units"
)

// outputs are what a worker's unit says of its standard output and error, such
// as append:/var/log/my-api/out.log. Both are empty where the journal is meant.
type outputs struct{ out, err string }

// outputsOf reads the unit of a worker, and its drop-ins, in the folders of
// units (systemd.unit(5)), the most important first. What systemd knows of it
// over D-Bus has no path.
func outputsOf(host fs.FS, folders []string, app string, instance int) outputs {
	template, unit := app+"@.service", units.Worker(app, instance)
	var texts []string
	for _, name := range []string{unit, template} {
		if text, ok := firstFile(host, folders, name); ok {
			texts = append(texts, text)
			break
		}
	}
	texts = append(texts, dropIns(host, folders, template, unit)...)
	var o outputs
	for _, text := range texts {
		o.read(text)
	}
	return o.of(app, instance)
}

// of is what a template's outputs are for a worker.
func (o outputs) of(app string, instance int) outputs {
	o.out, o.err = expand(o.out, app, instance), expand(o.err, app, instance)
	if o.err == "" || o.err == "inherit" {
		o.err = o.out
	}
	return o
}

func firstFile(host fs.FS, folders []string, name string) (string, bool) {
	for _, folder := range folders {
		if text, err := fs.ReadFile(host, path.Join(relative(folder), name)); err == nil {
			return string(text), true
		}
	}
	return "", false
}

// dropIns are the texts of the drop-ins of units, by name; of two with one name
// that in the first folder counts.
func dropIns(host fs.FS, folders []string, units ...string) []string {
	found := make(map[string]string)
	for _, unit := range units {
		of := make(map[string]string)
		for _, folder := range slices.Backward(folders) {
			names, _ := fs.Glob(host, path.Join(relative(folder), unit+".d", "*.conf")) // the pattern is well-formed
			for _, name := range names {
				if text, err := fs.ReadFile(host, name); err == nil {
					of[path.Base(name)] = string(text)
				} else if !errors.Is(err, fs.ErrPermission) {
					delete(of, path.Base(name)) // a link to nothing, which masks
				}
			}
		}
		maps.Copy(found, of)
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		texts = append(texts, found[name])
	}
	return texts
}

func relative(folder string) string { return strings.TrimPrefix(folder, "/") }

// read takes what a unit file says; the last counts.
func (o *outputs) read(text string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "StandardOutput":
			o.out = value
		case "StandardError":
			o.err = value
		}
	}
}

// expand does what systemd does with the specifiers that gopm-gen writes. A value
// with any other is left as it is: it then names no file.
func expand(value, app string, instance int) string {
	number := strconv.Itoa(instance)
	return strings.NewReplacer("%%", "%", "%i", number, "%I", number, "%p", app, "%n", units.Worker(app, instance)).Replace(value)
}

// pathOf is the file that an output leads to; empty where it is none.
func pathOf(output string) string {
	for _, how := range []string{"append:", "file:", "truncate:"} {
		if name, ok := strings.CutPrefix(output, how); ok {
			return name
		}
	}
	return ""
}

// logFile is a file and what its lines are.
type logFile struct {
	path string
	line Line // without its text
}

// logFiles are those of the workers that the choices want, each once.
func logFiles(choices []Choice, outputsOf func(app string, instance int) outputs) []logFile {
	var files []logFile
	add := func(name string, line Line) {
		i := slices.IndexFunc(files, func(f logFile) bool { return f.path == name })
		switch {
		case name == "":
		case i < 0:
			files = append(files, logFile{path: name, line: line})
		case files[i].line.App == line.App && files[i].line.Instance != line.Instance:
			files[i].line.Instance = -1 // who has said what nobody can tell
		}
	}
	for _, c := range choices {
		instances := c.instances()
		if c.Instance < 0 {
			instances = instances[:max(c.Known, 1)]
		}
		for _, i := range instances {
			o := outputsOf(c.App, i)
			add(pathOf(o.out), Line{App: c.App, Run: c.Run, Instance: i, Stream: Out})
			add(pathOf(o.err), Line{App: c.App, Run: c.Run, Instance: i, Stream: Err})
		}
	}
	return files
}
