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

	"github.com/gopm/gopm/activator/control"
)

// status prints what an activator knows of its app.
func status(ctx context.Context, app string, asJSON bool, stdout io.Writer) error {
	s, err := control.AskStatus(ctx, address(app))
	if err != nil {
		return fmt.Errorf("status of %s: %w", app, err)
	}
	if asJSON {
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
