package main

import (
	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// printApps prints the apps as PM2 has them.
func (c command) printApps(file ecosystem.File, problems []*ecosystem.Problem, asJSON bool) int {
	if len(problems) > 0 {
		return c.problems(problems, asJSON)
	}
	apps := make([]map[string]any, 0, len(file.Apps))
	for _, app := range file.Apps {
		apps = append(apps, app.PM2())
	}
	c.json(c.stdout, apps)
	return exitOK
}

// printUnits prints the units for who runs them elsewhere than under systemd: what
// this machine has does not matter, nor do apps that were not chosen.
func (c command) printUnits(f flags, file ecosystem.File, problems []*ecosystem.Problem) int {
	opt := c.options(f, file)
	opt.Taken = nil
	result, more := generator.Generate(file, opt)
	if problems = inOrder(problems, more); len(problems) > 0 {
		return c.problems(problems, f.json)
	}
	c.json(c.stdout, struct {
		generator.Report
		Units []units.File `json:"units"`
	}{result.Report, result.Units.Files()})
	return exitOK
}
