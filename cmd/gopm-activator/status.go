package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// measurePatience is how long a worker may take to say what it has measured. Its
// event loop may be busy.
const measurePatience = time.Second

// status prints what an activator knows of its app.
func status(ctx context.Context, at control.Address, o options, stdout io.Writer) error {
	ask := control.AskStatus
	if o.measure {
		ask = func(ctx context.Context, at control.Address) (control.Status, error) {
			return control.AskMeasures(ctx, at, measurePatience)
		}
	}
	s, err := ask(ctx, at)
	if err != nil {
		return fmt.Errorf("status of %s: %w", at.App, err)
	}
	if o.json {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		return out.Encode(s)
	}
	return printStatus(stdout, s)
}

func printStatus(out io.Writer, s control.Status) error {
	fmt.Fprintf(out, "%s: %s mode, %d of %d ready\n", s.App, s.Mode, s.Ready, s.Instances)
	if s.Roll != nil {
		fmt.Fprintf(out, "%s, %d of %d: %s\n", s.Roll.Reason, s.Roll.Done, s.Roll.Total, s.Roll.Doing)
	}
	if s.Aborted != "" {
		fmt.Fprintf(out, "last reload aborted: %s\n", s.Aborted)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")) }
	row("")
	row("INSTANCE", "UNIT", "PID", "STATE")
	for _, w := range s.Workers {
		pid := "-"
		if w.PID != 0 {
			pid = strconv.Itoa(w.PID)
		}
		row(strconv.Itoa(w.Instance), w.Unit, pid, string(w.State))
	}
	if slices.ContainsFunc(s.Workers, func(w control.Worker) bool { return w.Measures != nil }) {
		row("")
		row("INSTANCE", "REQ/S", "ACTIVE", "CONNECTIONS", "P95 MS", "LOOP DELAY MS", "HEAP MIB")
		for _, w := range s.Workers {
			row(append([]string{strconv.Itoa(w.Instance)}, measureCells(w.Measures)...)...)
		}
	}
	if len(s.Listeners) > 0 {
		row("")
		row("LISTENER", "DECLARED", "WAITING", "QUEUED BY INSTANCE")
	}
	for _, l := range s.Listeners {
		row(listenerCells(l)...)
	}
	if metrics := metricNames(s.Workers); len(metrics) > 0 {
		row("")
		row("METRIC", "BY INSTANCE")
		for _, name := range metrics {
			row(plain(name), values(s.Workers, name))
		}
	}
	return table.Flush()
}

// measureCells are what a worker has measured; a dash for what is not known.
func measureCells(m *control.Measures) []string {
	cells := []string{"-", "-", "-", "-", "-", "-"}
	if m == nil {
		return cells
	}
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', 1, 64) }
	cells[0], cells[5] = number(m.RequestsPerSecond), number(float64(m.HeapUsed)/(1<<20))
	if m.ActiveRequests != nil {
		cells[1] = strconv.Itoa(*m.ActiveRequests)
	}
	if m.Connections != nil {
		cells[2] = strconv.Itoa(*m.Connections)
	}
	if m.Latency != nil {
		cells[3] = number(m.Latency.P95)
	}
	if m.EventLoopDelay != nil {
		cells[4] = number(m.EventLoopDelay.Mean)
	}
	return cells
}

func listenerCells(l control.Listener) []string {
	address := l.Address
	if l.Protocol == "udp" {
		address = "udp " + address
	}
	declared := "no"
	if l.Declared {
		declared = "yes"
	}
	if l.Protocol != "tcp" {
		return []string{plain(address), declared, "-", "-"}
	}
	var queued []string
	for _, n := range l.Queued {
		queued = append(queued, strconv.Itoa(n))
	}
	return []string{plain(address), declared, strconv.Itoa(l.Waiting), strings.Join(queued, " ")}
}

// metricNames are those that any worker has told, sorted.
func metricNames(workers []control.Worker) []string {
	names := map[string]bool{}
	for _, w := range workers {
		for name := range w.Metrics {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// values are a metric's by worker, with its unit.
func values(workers []control.Worker, name string) string {
	var values []string
	unit := ""
	for _, w := range workers {
		metric, told := w.Metrics[name]
		value := string(metric.Value)
		var text string
		if json.Unmarshal(metric.Value, &text) == nil {
			value = text
		}
		if !told || value == "" {
			value = "-"
		}
		if metric.Unit != "" {
			unit = " " + metric.Unit
		}
		values = append(values, value)
	}
	return plain(strings.Join(values, " ") + unit)
}

// plain is a text of the app's as a terminal may have it: without control
// characters, which would be commands to it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
