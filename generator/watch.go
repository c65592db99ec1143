package generator

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// watch fills in which changes reload the app.
func (g *generation) watch(v *view, q quoter) {
	w := q.app.Watch
	if w == nil {
		return
	}
	paths := func(key, variable string, list []string) *units.Value {
		text := strings.ReplaceAll(strings.Join(list, "\n"), ":", `\:`) // a colon stands between two
		value := q.words(key, func() (units.Value, error) {
			return units.Assignment(variable, strings.ReplaceAll(text, "\n", ":"))
		})
		return &value
	}
	v.Watch = paths("watch", "GOPM_WATCH", w.Paths)
	if w.Ignore != nil {
		ignore := w.Ignore
		if len(ignore) == 0 {
			ignore = []string{"/dev/null"} // no more than that; without any it is PM2's default
		}
		v.WatchIgnore = paths("ignore_watch", "GOPM_WATCH_IGNORE", ignore)
	}
	v.WatchTemporary = slices.ContainsFunc(w.Paths, isTemporary)
	v.WatchDelay = w.Delay.Milliseconds()
}

// isTemporary tells whether a path is where PrivateTmp= has a folder of its own.
func isTemporary(name string) bool {
	return strings.HasPrefix(name+"/", "/tmp/") || strings.HasPrefix(name+"/", "/var/tmp/")
}

// hangTimeout fills in how long a worker may do nothing.
func (g *generation) hangTimeout(v *view, app ecosystem.App) {
	switch {
	case app.HangTimeout == 0:
	case v.Cluster:
		v.HangTimeout = app.HangTimeout.Milliseconds()
	default:
		g.note("gopm.hang_timeout", ecosystem.Refused, "only in cluster mode, where the activator asks each worker")
	}
}

// healthCheck fills in how a worker is asked.
func (g *generation) healthCheck(v *view, q quoter) {
	h := q.app.HealthCheck
	switch {
	case h == nil:
		return
	case !v.Cluster:
		g.note("gopm.health_check", ecosystem.Refused, "only in cluster mode, where the activator can hand an app a connection")
		return
	}
	set := func(name, value string) {
		v.HealthCheck = append(v.HealthCheck, q.words("gopm.health_check", func() (units.Value, error) { return units.Assignment(name, value) }))
	}
	if h.Path == "" {
		set("GOPM_HEALTH_CHECK", "connect")
	} else {
		set("GOPM_HEALTH_CHECK", h.Path)
	}
	for _, e := range []struct {
		name string
		n    int64
	}{
		{"INTERVAL", h.Interval.Milliseconds()},
		{"TIMEOUT", h.Timeout.Milliseconds()},
		{"THRESHOLD", int64(h.Threshold)},
		{"START_PERIOD", h.StartPeriod.Milliseconds()},
	} {
		if e.n > 0 {
			set("GOPM_HEALTH_CHECK_"+e.name, strconv.FormatInt(min(e.n, math.MaxInt32), 10))
		}
	}
}
