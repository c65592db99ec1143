package generator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// Report says what became of a file.
type Report struct {
	Source string           `json:"source"` // the file, where it will be
	Apps   []AppReport      `json:"apps"`
	Notes  []ecosystem.Note `json:"notes,omitempty"` // about all apps
}

// AppReport says what became of an app.
type AppReport struct {
	Name      string           `json:"name"` // as the file writes it
	Unit      string           `json:"unit"` // the name that its units share
	Cluster   bool             `json:"cluster"`
	Instances string           `json:"instances"` // a number, max, or a negative number for CPUs less
	Enable    []Enabled        `json:"enable,omitempty"`
	Ports     []string         `json:"ports,omitempty"`
	Files     []string         `json:"files"`
	Logs      []string         `json:"-"` // folders in /var/log that are this app's alone
	Notes     []ecosystem.Note `json:"notes,omitempty"`
}

// Enabled is a unit that starts at boot, because another wants it.
type Enabled struct {
	Unit     string `json:"unit"`
	WantedBy string `json:"wanted_by"`
}

// notes adds to the file's own notes what the units make different.
func (g *generation) notes(app ecosystem.App, v view) []ecosystem.Note {
	var out []ecosystem.Note
	add := func(key string, fate ecosystem.Fate, format string, args ...any) {
		out = append(out, ecosystem.Note{Key: key, Fate: fate, Text: fmt.Sprintf(format, args...)})
	}
	if v.Original != nil {
		add("name", ecosystem.Differently, "the units are called %s; Description= keeps %q", v.Unit, app.Name)
	}
	if v.Cluster && len(v.Ports) == 0 && app.Increment == nil {
		add("port", ecosystem.Differently, "none is known, so no socket unit: the app's own listen() opens it, above 1023 only; --listen names it")
	}
	besides := app
	besides.Ports = nil
	if besides.Supervised() && !v.Cluster {
		add("activator", ecosystem.Differently, "fork mode, and gopm-activator@%s.service sees to what systemd alone does not", v.Unit)
	}
	if app.Backoff > 0 && v.BackoffSteps == 0 {
		add("exp_backoff_restart_delay", ecosystem.Differently, "before systemd 254 the delay does not grow; --systemd-version 254 where the app never runs on an older one")
	}
	var plain, secret []string
	for _, o := range v.odd {
		if o.secretly == "" {
			plain = append(plain, o.name)
		} else {
			secret = append(secret, o.name)
		}
	}
	if len(plain) > 0 {
		add("env", ecosystem.Differently, "%s: systemd takes no such name, so env(1) sets it", strings.Join(plain, ", "))
	}
	if len(secret) > 0 {
		add("env", ecosystem.Differently, "%s: systemd takes no such name, so env(1) sets it from that file; for a moment of each start everyone can see its arguments. Letters, digits and _ would do without", strings.Join(secret, ", "))
	}
	if app.Lazy && len(v.Ports) == 0 {
		add("gopm.lazy", ecosystem.Refused, "no port is known that a first connection could come to")
	}
	if g.opt.User && (app.User != "" || app.Group != "") {
		add("uid", ecosystem.Refused, "a user's own manager runs everything as that user")
	}
	if v.renamedAccount {
		add("user", ecosystem.Differently, "the account is called %s: machines have another use for %s", v.User, units.AccountName(v.Unit.String()))
	}
	if g.opt.Boot && (app.Output.Set() || app.Errors.Set()) {
		add("logs", ecosystem.Differently, "the journal: what is made at boot makes no folders")
	}
	for _, dir := range v.LogDirs {
		if app.User != "root" && app.User != "0" {
			add("logs", ecosystem.Differently, "%s belongs to root, who opens the files in it: what the app itself writes goes elsewhere", dir)
		}
	}
	if len(v.UpdateCommands) > 0 {
		add("post_update", ecosystem.Differently, "systemctl start %s-update.service runs it, if %s may write to %s", v.Unit, v.User, app.Dir)
	}
	out = append(append(out, g.said...), app.Notes...)
	slices.SortStableFunc(out, func(a, b ecosystem.Note) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// common adds what a person who comes from PM2 should know about all apps.
func (g *generation) common() {
	account, source := false, false
	for _, app := range g.file.Apps {
		account = account || app.User == "" && g.opt.ServiceUser == ""
		source = source || app.Refused == ""
	}
	if source {
		g.result.Report.Notes = append(g.result.Report.Notes, ecosystem.Note{Key: "environment", Fate: ecosystem.Differently,
			Text: "an app has the variables of the file alone; PM2 adds those of the shell that starts it"})
		g.result.Report.Notes = append(g.result.Report.Notes, ecosystem.Note{Key: "sandbox", Fate: ecosystem.Differently,
			Text: "an app has a /tmp of its own, and writes nothing below /usr, /boot and /etc; gopm: { hardening: … } changes that"})
	}
	if g.holds {
		g.result.Report.Notes = append(g.result.Report.Notes, ecosystem.Note{Key: "gopm.listen", Fate: ecosystem.Differently,
			Text: "false where an app in fork mode has a port that it does not listen on itself, but a child or a thread, or nobody; '127.0.0.1:3000' where it listens on one address only"})
	}
	if account && !g.opt.User {
		g.result.Report.Notes = append(g.result.Report.Notes, ecosystem.Note{Key: "user", Fate: ecosystem.Differently,
			Text: "an app runs as a system account named like its units, unless user names another; PM2's run as whoever starts it"})
	}
}
