package ecosystem

import (
	"path"
	"strings"
)

// leadingInt is what parseInt reads of a string.
var leadingInt = pattern(`^\s*[+-]?\d+`)

// finish settles what depends on more than one attribute.
func (a *appReader) finish() {
	if a.given.script == "" {
		a.problemOn("", "has no script", `write script: "./index.js"`)
		return
	}
	a.settleName()
	a.account()
	a.program()
	a.mergeVariables()
	a.openSecrets()
	a.increment()
	a.findPort()
	a.logs()
	a.files()
	a.restarts()
	a.describe()
}

// settleName settles what the app is called.
func (a *appReader) settleName() {
	if a.app.Name == "" || a.app.Name == "undefined" {
		base := path.Base(a.given.script)
		a.app.Name = base
		if dot := strings.LastIndexByte(base, '.'); dot > 0 {
			a.app.Name = base[:dot]
		}
		a.app.Place += " " + quoted(a.app.Name)
	}
	if a.given.envInName && a.env != "" {
		a.app.Name += "-" + a.env
	}
}

// restarts tells where PM2's own counting would surprise.
func (a *appReader) restarts() {
	if a.app.Cluster && !a.app.Restart {
		a.noteOn("autorestart", Differently, "a worker of a cluster lives until process.exit(), as under PM2; with exec_mode: \"fork\" it ends when nothing is left to do")
	}
	if a.app.Backoff > 0 {
		return
	}
	if a.app.Restart && a.app.RestartDelay >= a.app.MinUptime && a.app.MinUptime > 0 {
		a.noteOn("restart_delay", Differently, "as long as min_uptime, so PM2 never gives up; here %d starts that soon after each other are the last", a.app.MaxRestarts)
	}
}
