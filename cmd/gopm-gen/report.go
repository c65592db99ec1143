package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// text returns the report for people.
func (o outcome) text() string {
	var b strings.Builder
	for _, app := range o.Apps {
		fmt.Fprintf(&b, "%s: %s.target, %s\n", app.Name, app.Unit, strings.Join(describe(app), ", "))
		if o.Output != "" {
			for _, f := range app.Files {
				fmt.Fprintf(&b, "  %s\n", path.Join(o.Output, f))
			}
		}
		notes(&b, app.Notes)
		b.WriteByte('\n')
	}
	if len(o.Notes) > 0 {
		b.WriteString("all apps:\n")
		notes(&b, o.Notes)
		b.WriteByte('\n')
	}
	if len(o.Next) > 0 {
		b.WriteString("next:\n")
		for _, line := range o.Next {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// describe says how an app runs.
func describe(app generator.AppReport) []string {
	kind := "instance"
	mode := "fork mode"
	if app.Cluster {
		kind, mode = "worker", "cluster mode"
	}
	out := []string{mode}
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
		{"left out", []ecosystem.Fate{ecosystem.NotChosen, ecosystem.NotYet, ecosystem.Refused, ecosystem.Unknown}},
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

// next lists what to do with the units.
func (o outcome) next() []string {
	if o.Output == "" {
		return nil
	}
	var out []string
	if o.Output != "/" {
		out = append(out, "sudo cp -r "+path.Join(o.Output, "usr")+" /")
	}
	if o.has(units.SysusersDir) {
		out = append(out, "sudo systemd-sysusers")
	}
	if o.has(units.TmpfilesDir) {
		out = append(out, "sudo systemd-tmpfiles --create")
	}
	out = append(out, "sudo systemctl daemon-reload")
	for _, app := range o.Apps {
		out = append(out, "sudo systemctl enable --now "+app.Unit+".target")
	}
	return out
}
