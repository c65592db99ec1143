package main

import (
	"context"
	"path"
	"slices"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// generate turns the apps of a file into units. With --only it does so for all
// that have no mistake and keeps what the chosen ones need: the target of a
// namespace names its other apps too, and is named with theirs in mind.
func (c command) generate(ctx context.Context, f flags, file ecosystem.File) (generator.Result, []*ecosystem.Problem) {
	opt := c.options(f, file)
	// Standard input can be read once.
	if len(f.only) == 0 || f.file == stdin {
		return generator.Generate(file, opt)
	}
	c.host.Print = nil // it was printed the first time
	whole, _ := ecosystem.Load(ctx, c.host, f.file, ecosystem.Options{Root: f.root, Env: f.env, Node: f.node})
	result, problems := generator.Generate(whole, opt)
	problems = slices.DeleteFunc(problems, func(p *ecosystem.Problem) bool {
		return p.Place != "" && !slices.ContainsFunc(file.Apps, func(app ecosystem.App) bool { return app.Place == p.Place })
	})
	few, _ := generator.Generate(file, opt)
	result.Report.Notes = few.Report.Notes
	var set units.Set
	all := slices.Clone(result.Report.Apps)
	result.Report.Apps = slices.DeleteFunc(result.Report.Apps, func(app generator.AppReport) bool { return !slices.Contains(f.only, app.Name) })
	for _, u := range result.Units.Files() {
		ofOne := slices.ContainsFunc(result.Report.Apps, func(app generator.AppReport) bool { return slices.Contains(app.Files, u.Path) })
		// An app may be called like the namespace of another.
		ofApp := slices.ContainsFunc(all, func(app generator.AppReport) bool { return path.Base(u.Path) == app.Unit+".target" })
		if !ofOne && (ofApp || !ofNamespace(u.Path, f.prefix, file.Apps)) {
			continue
		}
		if err := set.AddFile(u); err != nil {
			problems = append(problems, &ecosystem.Problem{File: f.file, Text: err.Error()})
		}
	}
	result.Units = set
	return result, problems
}

// ofNamespace reports whether a file is the target of the namespace of one of
// the apps.
func ofNamespace(name, prefix string, apps []ecosystem.App) bool {
	return slices.ContainsFunc(apps, func(app ecosystem.App) bool {
		namespace, _ := units.AppName(prefix + app.Namespace)
		base := path.Base(name)
		return app.Namespace != "" && (base == namespace+".target" || base == namespace+"-namespace.target")
	})
}
