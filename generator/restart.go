package generator

import (
	"math"
	"strconv"
	"time"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// drains reports whether an app's listeners stay open when it ends, so that what
// it has begun can be finished first.
func drains(app ecosystem.App) bool { return app.Cluster || len(app.Ports) > 0 }

// stopTimeout is the time after which systemd kills what is left of an app.
func stopTimeout(app ecosystem.App) time.Duration {
	switch {
	case drains(app):
		return app.DrainTimeout + app.KillTimeout + stopMargin
	case app.ShutdownMessage:
		return app.KillTimeout + stopMargin
	}
	return max(app.KillTimeout, leastStop)
}

// killMode says whom a stop signals (systemd.kill(5)). PM2 signals every process
// of an app, which in cluster mode would end a worker's children before it has
// finished its requests.
func killMode(app ecosystem.App) string {
	switch {
	case !app.TreeKill:
		return "process"
	case app.Cluster:
		return "mixed"
	}
	return "control-group"
}

// restarts fills in when systemd starts an instance again, and when no more.
func (g *generation) restarts(v *view, app ecosystem.App) {
	v.RestartDelay = units.Span(max(app.RestartDelay, leastDelay))
	v.StartLimitInterval = units.Span(window(app))
	if app.Backoff == 0 {
		return
	}
	v.RestartDelay = units.Span(max(app.Backoff, leastDelay))
	if g.opt.Systemd < stepsSince {
		return
	}
	// systemd spreads the growth evenly over the steps; PM2's delays grow by half.
	const growth = 1.5
	first := min(max(app.Backoff, leastDelay), mostBackoff)
	v.BackoffSteps = max(int(math.Ceil(math.Log(float64(mostBackoff)/float64(first))/math.Log(growth))), 1)
	v.BackoffMost = units.Span(max(mostBackoff, app.Backoff))
	v.StartLimitInterval = units.Span(0)
}

// window is the time within which MaxRestarts starts are too many. It is long
// enough for as many that each live just short of the least uptime. 0, no
// limit, is right where no life is too short.
func window(app ecosystem.App) time.Duration {
	if app.MinUptime == 0 {
		return 0
	}
	const most = 365 * 24 * time.Hour
	each := app.MinUptime + max(app.RestartDelay, app.Backoff, leastDelay) + startMargin
	n := time.Duration(max(app.MaxRestarts, 1))
	if each > most/n {
		return most
	}
	return each * n
}

// count returns a number of instances as the activator reads it.
func count(c ecosystem.Count) string {
	if c.PerCPU && c.N == 0 {
		return "max"
	}
	return strconv.Itoa(c.N)
}

// pace fills in how many workers a reload starts and replaces at a time.
func (g *generation) pace(v *view, app ecosystem.App) {
	if v.Cluster {
		v.Surge, v.Parallel = app.Surge, app.Parallel
		return
	}
	counted := app.Increment != nil && app.Increment.Name == "PORT"
	if len(v.Ports) > 0 && !counted {
		v.Surge = app.Surge
	} else if app.Surge > 0 {
		g.note("gopm.surge", ecosystem.Refused, "in fork mode an instance runs twice only where both can have its port from a socket unit")
	}
	if app.Parallel > 1 {
		g.note("gopm.parallel", ecosystem.Refused, "in fork mode a reload restarts one by one")
	}
}
