package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// nowhere is the name of a file that is not there, in a diff.
const nowhere = "/dev/null"

// diff prints what differs from the files that are there.
func (c command) diff(report outcome, changes units.Changes, asJSON bool) int {
	exit := exitOK
	for i, change := range changes.Files {
		if change.Kind != units.Keep {
			report.Changes[i].Diff = unified(changes.Root, change)
			exit = exitInput
		}
	}
	if asJSON {
		c.json(c.stdout, report)
		return exit
	}
	for _, change := range report.Changes {
		c.print(c.stdout, c.paint(change.Diff))
	}
	return exit
}

// unified returns the difference of one file.
func unified(root string, change units.Change) string {
	oldName := path.Join(root, change.Path)
	newName := oldName
	switch change.Kind {
	case units.Create:
		oldName = nowhere
	case units.Remove:
		newName = nowhere
	}
	before, after := masked(change)
	text := string(diff.Diff(oldName, []byte(before), newName, []byte(after)))
	if change.Kind == units.Replace && change.Old.Perm() != change.New.Perm() {
		text = fmt.Sprintf("mode of %s: %04o becomes %04o\n", newName, change.Old.Perm(), change.New.Perm()) + text
	}
	return text
}

// paint colours a diff for a terminal.
func (c command) paint(text string) string {
	if !c.colourOut {
		return text
	}
	var b strings.Builder
	header := true
	for line := range strings.Lines(text) {
		colour := ""
		switch {
		case strings.HasPrefix(line, "@@"):
			colour, header = cyan, false
		case header:
			colour = bold
		case strings.HasPrefix(line, "+"):
			colour = green
		case strings.HasPrefix(line, "-"):
			colour = red
		}
		if colour == "" {
			b.WriteString(line)
			continue
		}
		b.WriteString(colour + strings.TrimSuffix(line, "\n") + plain + "\n")
	}
	return b.String()
}

// dryRun prints the units, and the report beside them.
func (c command) dryRun(report outcome, asJSON bool) {
	for _, file := range report.Units {
		text := file.Text
		if file.Secret() {
			text = mask(text, "")
		}
		c.print(c.stdout, "# /"+file.Path+"\n"+text+"\n")
	}
	c.report(c.stderr, report, asJSON)
}

// check prints the report and what is lost.
func (c command) check(report outcome, asJSON bool) int {
	report.Losses = report.losses()
	c.report(c.stdout, report, asJSON)
	if len(report.Losses) == 0 {
		return exitOK
	}
	if !asJSON {
		for _, l := range report.Losses {
			p := ecosystem.Problem{File: report.flags.file, Key: l.Key, Text: "lost: " + l.Text}
			if l.App != "" {
				p.Place = fmt.Sprintf("%q", l.App)
			}
			c.fail(p.Error(), "")
		}
	}
	return exitInput
}
