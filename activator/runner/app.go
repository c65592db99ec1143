package runner

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/units"
)

// app is what the units of one app say, all together.
type app struct {
	name     string // the stem of its units
	title    string // its name in the file
	template unit   // NAME@.service
	socket   unit   // NAME.socket; nil where there is none
	timer    unit   // NAME-restart.timer, and what it starts
	restart  unit
	reload   unit // NAME-reload.service; nil for those with an activator
	// settings are the variables of its activator's drop-in; nil where it has no
	// activator, and then instances are those that its target wants.
	settings  []string
	instances []int
	starts    bool // and is not just there to be started
}

// set are unit files, by their names in the folder of units.
type set map[string]string

// newSet takes the units out of a set, and the variables that only root reads out
// of it, under the names by which units know their files.
func newSet(files []units.File) (set, map[string]string) {
	all, secrets := set{}, map[string]string{}
	for _, f := range files {
		base := path.Base(f.Path)
		dir := path.Base(path.Dir(f.Path))
		switch {
		case f.Secret():
			secrets["/"+f.Path] = f.Text
			secrets["%E/systemd/user/"+base] = f.Text
		case strings.HasSuffix(dir, ".d") && strings.HasPrefix(dir, "gopm-activator@"):
			all[dir+"/"+base] = f.Text
		default:
			all[base] = f.Text
		}
	}
	return all, secrets
}

// apps are those of the set, by name.
func (s set) apps() ([]*app, error) {
	var out []*app
	var failed []error
	for name := range s {
		if stem, ok := strings.CutSuffix(name, "@.service"); ok && !strings.Contains(stem, "@") {
			a, err := s.app(stem)
			failed = append(failed, err)
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *app) int { return strings.Compare(a.name, b.name) })
	return out, errors.Join(failed...)
}

func (s set) app(name string) (*app, error) {
	a := &app{name: name, title: name}
	var failed []error
	read := func(file string) unit {
		text, ok := s[file]
		if !ok {
			return nil
		}
		u, err := parse(file, text)
		failed = append(failed, err)
		return u
	}
	a.template = read(name + "@.service")
	a.socket = read(name + ".socket")
	a.timer, a.restart = read(name+"-restart.timer"), read(name+"-restart.service")
	a.reload = read(name + "-reload.service")
	target := read(name + ".target")
	if original := target.last("Unit.X-Gopm-Name"); original != "" {
		a.title = specifiers(original, "")
	}
	a.starts = strings.Contains(s["80-gopm-"+name+".preset"], "\nenable ")
	if dropIn := read("gopm-activator@" + name + ".service.d/10-gopm.conf"); dropIn != nil {
		a.settings = []string{}
		for _, value := range dropIn["Service.Environment"] {
			variables, err := words(value)
			failed = append(failed, err)
			for _, v := range variables {
				a.settings = append(a.settings, specifiers(v, ""))
			}
		}
		return a, errors.Join(failed...)
	}
	for _, wanted := range target.list("Unit.Wants") {
		if instance, ok := units.InstanceOf(name, wanted); ok {
			a.instances = append(a.instances, instance)
		}
	}
	return a, errors.Join(failed...)
}

// supervised: it has an activator.
func (a *app) supervised() bool { return a.settings != nil }

// target is the unit that people start and stop, and reloader the one that reloads an
// app without an activator.
func (a *app) target() string { return a.name + ".target" }

func (a *app) reloader() string { return a.name + "-reload.service" }
