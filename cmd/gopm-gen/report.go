package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// outcome is a report and where its units went.
type outcome struct {
	generator.Report
	Output  string   `json:"output,omitempty"` // where the files were written; empty: nowhere
	Changes []change `json:"changes,omitempty"`
	Losses  []loss   `json:"losses,omitempty"`
	Next    []string `json:"next,omitempty"` // commands

	Units     []units.File    `json:"-"`
	flags     flags           // how it came about
	installed map[string]bool // the units of apps that this machine had before
}

// change is what became, or would become, of one file.
type change struct {
	Path   string     `json:"path"` // below the output
	Change units.Kind `json:"change"`
	Diff   string     `json:"diff,omitempty"`
}

// loss is something that the units do not do.
type loss struct {
	App  string         `json:"app,omitempty"` // empty: all apps
	Key  string         `json:"key"`
	Fate ecosystem.Fate `json:"fate"`
	Text string         `json:"text"`
}

// add tells what changes on the disk.
func (o *outcome) add(changes units.Changes) {
	for _, c := range changes.Files {
		o.Changes = append(o.Changes, change{Path: c.Path, Change: c.Kind})
	}
}

// removed lists the files that are not made any more.
func (o outcome) removed() []string {
	var out []string
	for _, c := range o.Changes {
		if c.Change == units.Remove {
			out = append(out, c.Path)
		}
	}
	return out
}

// losses lists what the file asks for and the units do not do. What was not
// chosen on the command line is no loss, nor what is done in another way.
func (o outcome) losses() []loss {
	var out []loss
	add := func(app string, notes []ecosystem.Note) {
		for _, n := range notes {
			switch n.Fate {
			case ecosystem.Refused, ecosystem.Unknown:
				out = append(out, loss{App: app, Key: n.Key, Fate: n.Fate, Text: n.Text})
			}
		}
	}
	for _, app := range o.Apps {
		add(app.Name, app.Notes)
	}
	add("", o.Notes)
	return out
}

// report prints what became of the file.
func (c command) report(w io.Writer, o outcome, asJSON bool) {
	o.Next = o.next()
	if asJSON {
		c.json(w, o)
		return
	}
	colour := c.colourOut
	if w == c.stderr {
		colour = c.colourErr
	}
	c.print(w, o.text(colour))
}

// text returns the report for people.
func (o outcome) text(colour bool) string {
	title := func(s string) string { return s }
	if colour {
		title = func(s string) string { return bold + s + plain }
	}
	var b strings.Builder
	for _, app := range o.Apps {
		fmt.Fprintf(&b, "%s %s\n", title(app.Name+":"), strings.Join(describe(app), ", "))
		if o.Output != "" {
			o.files(&b, app.Files)
		}
		notes(&b, app.Notes)
		b.WriteByte('\n')
	}
	if shared := o.shared(); len(o.Notes) > 0 || len(shared) > 0 {
		b.WriteString(title("all apps:") + "\n")
		o.files(&b, shared)
		notes(&b, o.Notes)
		b.WriteByte('\n')
	}
	if removed := o.removed(); len(removed) > 0 {
		words := "removed, as no app needs them any more:"
		if o.Output == "" {
			words = "to be removed, as no app needs them any more:"
		}
		b.WriteString(title(words) + "\n")
		o.files(&b, removed)
		b.WriteByte('\n')
	}
	if len(o.Next) > 0 {
		words := "next:"
		if o.flags.packaged() {
			words = "next, on the machine that installs the package:"
		}
		b.WriteString(title(words) + "\n")
		for _, line := range o.Next {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// files prints where files are.
func (o outcome) files(b *strings.Builder, names []string) {
	for _, name := range names {
		fmt.Fprintf(b, "  %s\n", path.Join(o.flags.outputDir(), name))
	}
}

// shared lists the written files that are not of one app.
func (o outcome) shared() []string {
	if o.Output == "" {
		return nil
	}
	var out []string
	for _, f := range o.Units {
		if !slices.ContainsFunc(o.Apps, func(app generator.AppReport) bool { return slices.Contains(app.Files, f.Path) }) {
			out = append(out, f.Path)
		}
	}
	return out
}

// describe says how an app runs.
func describe(app generator.AppReport) []string {
	if app.Unit == "" {
		return []string{"no units"}
	}
	kind := "instance"
	mode := "fork mode"
	if app.Cluster {
		kind, mode = "worker", "cluster mode"
	}
	out := []string{app.Unit + ".target", mode}
	switch {
	case app.Instances == "max":
		out = append(out, "one "+kind+" per CPU")
	case strings.HasPrefix(app.Instances, "-"):
		out = append(out, fmt.Sprintf("one %s per CPU less %s", kind, app.Instances[1:]))
	case app.Instances == "1":
		out = append(out, "1 "+kind)
	default:
		out = append(out, app.Instances+" "+kind+"s")
	}
	for _, p := range app.Ports {
		out = append(out, "listens on "+p)
	}
	return out
}

// notes prints what is done differently, then what was left out.
func notes(b *strings.Builder, list []ecosystem.Note) {
	for _, part := range []struct {
		title string
		fates []ecosystem.Fate
	}{
		{"differently", []ecosystem.Fate{ecosystem.Differently, ecosystem.BySystemd}},
		{"left out", []ecosystem.Fate{ecosystem.NotChosen, ecosystem.Refused, ecosystem.Unknown}},
	} {
		first := true
		for _, fate := range part.fates {
			for _, n := range list {
				if n.Fate != fate {
					continue
				}
				if first {
					fmt.Fprintf(b, "  %s:\n", part.title)
					first = false
				}
				text := n.Text
				if fate != ecosystem.Differently && fate != ecosystem.Refused {
					text = string(fate) + ": " + text
				}
				fmt.Fprintf(b, "    %s: %s\n", n.Key, text)
			}
		}
	}
}
