package monit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/figures"
	"github.com/gopm/gopm/terminal"
)

// fact is a name and what there is to say of it.
type fact struct{ name, text string }

// facts makes lines of them, the texts below each other.
func facts(all []fact) []string {
	width := 0
	for _, f := range all {
		width = max(width, ansi.StringWidth(f.name))
	}
	var out []string
	for _, f := range all {
		out = append(out, fit(f.name, width)+"  "+terminal.Plain(f.text))
	}
	return out
}

// metricsText is what the selected worker measures, under PM2's names, and what
// its app has told of itself.
func (m Model) metricsText() []string {
	r, ok := m.current()
	if !ok || r.none {
		return nil
	}
	return facts(append(measured(r.worker.Measures), told(r.worker.Metrics)...))
}

func measured(m *control.Measures) []fact {
	if m == nil {
		return []fact{{"not known", "no agent, no channel or no answer"}}
	}
	out := []fact{{"HTTP", strconv.FormatFloat(m.RequestsPerSecond, 'f', 1, 64) + " req/s"}}
	add := func(name, text string) { out = append(out, fact{name, text}) }
	if m.ActiveRequests != nil {
		add("Active requests", itoa(*m.ActiveRequests))
	}
	if m.Connections != nil {
		add("Connections", itoa(*m.Connections))
	}
	if m.Latency != nil {
		add("HTTP Mean Latency", float(m.Latency.Mean)+" ms")
		add("HTTP P95 Latency", float(m.Latency.P95)+" ms")
	}
	if m.EventLoopDelay != nil {
		add("Event Loop Latency", float(m.EventLoopDelay.Mean)+" ms")
		add("Event Loop Latency p99", float(m.EventLoopDelay.P99)+" ms")
	}
	if m.EventLoopUtilization != nil {
		add("Event Loop Utilization", float(100**m.EventLoopUtilization)+" %")
	}
	add("Used Heap Size", mebibytes(m.HeapUsed))
	if m.HeapTotal > 0 {
		add("Heap Usage", float(100*float64(m.HeapUsed)/float64(m.HeapTotal))+" %")
	}
	add("Heap Size", mebibytes(m.HeapTotal))
	add("Requests", strconv.FormatInt(m.Requests, 10))
	return out
}

// told are the app's own metrics, by name.
func told(metrics map[string]control.Metric) []fact {
	var out []fact
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		value := string(metrics[name].Value)
		var text string
		if json.Unmarshal(metrics[name].Value, &text) == nil {
			value = text
		}
		out = append(out, fact{terminal.Plain(name), strings.TrimSpace(value + " " + metrics[name].Unit)})
	}
	return out
}

// metadataText is what else is known of the selected worker and its app.
func (m Model) metadataText() []string {
	r, ok := m.current()
	if !ok {
		return nil
	}
	a, w := r.app, r.worker
	all := []fact{{"App Name", a.Title}}
	add := func(name, text string) {
		if text != "" {
			all = append(all, fact{name, text})
		}
	}
	add("App State", fmt.Sprintf("%s, %d of %d ready", a.State, a.Ready, a.Instances))
	if !r.none {
		add("Unit", w.Unit)
		add("Status", string(w.State))
		if w.PID != 0 {
			add("PID", itoa(w.PID))
		}
		add("Restarts", itoa(w.Restarts))
		if !w.Began.IsZero() {
			add("Uptime", figures.Uptime(m.at.Sub(w.Began)))
		}
	}
	add("Exec mode", a.Mode)
	for _, l := range a.Listeners {
		add("Listens on", l.Address)
	}
	if a.Roll != nil {
		add("Rolling", fmt.Sprintf("%d/%d (%s): %s", a.Roll.Done, a.Roll.Total, a.Roll.Reason, a.Roll.Doing))
	}
	if a.Aborted != "" {
		add("Last reload", "aborted: "+a.Aborted)
	}
	add("Less is shown", a.Unseen)
	return facts(all)
}

// --- numbers -----------------------------------------------------------------

func float(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }

func mebibytes(n int64) string { return float(float64(n)/(1<<20)) + " MiB" }

func size(bytes *int64) string {
	if bytes == nil {
		return "-"
	}
	n := float64(*bytes) / (1 << 20)
	if n >= 1024 {
		return strconv.FormatFloat(n/1024, 'f', 2, 64) + "GB"
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + "MB"
}
