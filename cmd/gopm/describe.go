package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/terminal"
)

func describeVerb() verb {
	return verb{
		names:    []string{"describe", "desc", "show", "info"},
		args:     "APP",
		about:    "all that is known of an app",
		examples: "  gopm describe my-api\n  gopm describe my-api --json | jq '.workers[].metrics[\"Heap Size\"].value'\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			asJSON := flags.Bool("json", false, "print one JSON object")
			return func(ctx context.Context, w world, args []string) error {
				if len(args) != 1 {
					return fmt.Errorf("%w: give one app", errUsage)
				}
				s := newSite(ctx, w, *user)
				s.lookLonger()
				c, err := s.chooseOne(ctx, args[0])
				if err != nil {
					return err
				}
				c.app.Workers = c.workers()
				if *asJSON {
					return printJSON(w, c.app)
				}
				commands, err := s.commands(ctx, fleet.Fleet{Apps: []fleet.App{c.app}})
				if err != nil {
					return err
				}
				return printApp(w, c.app, commands[c.app.ID()], time.Now())
			}
		},
	}
}

// printApp prints an app, its workers, its listeners and what its workers have
// told of themselves.
func printApp(w world, a fleet.App, c command, now time.Time) error {
	t := terminal.Of(w.stdout, w.getenv)
	facts := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fact := func(name, text string) { fmt.Fprintf(facts, "%s\t%s\n", name, terminal.Plain(text)) }
	fact("app", a.Name)
	if a.Title != a.Name {
		fact("name", a.Title)
	}
	fact("state", strings.TrimPrefix(sum(a), a.Name+": "))
	fact("mode", orDash(a.Mode))
	fact("script", c.script)
	fact("interpreter", c.interpreter)
	fact("folder", c.dir)
	fact("user", c.user)
	if a.Run == "" {
		fact("unit", a.Target())
	} else {
		fact("gopm run", a.Run)
	}
	if a.Roll != nil {
		fact("rolling", fmt.Sprintf("%s, %d of %d: %s", a.Roll.Reason, a.Roll.Done, a.Roll.Total, a.Roll.Doing))
	}
	if a.Aborted != "" {
		fact("last reload", "aborted: "+a.Aborted)
	}
	if a.Unseen != "" {
		fact("less is shown", a.Unseen)
	}
	if err := facts.Flush(); err != nil {
		return err
	}
	var rows []row
	for i := range a.Workers {
		rows = append(rows, row{app: &a, worker: &a.Workers[i], now: now})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w.stdout)
		// All are of one app, and of one mode.
		of := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.title == "app" || c.title == "mode" })
		if _, err := w.stdout.Write(table(rows, of, t)); err != nil {
			return err
		}
	}
	lists := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(lists, strings.Join(cells, "\t")) }
	if len(a.Listeners) > 0 {
		line("")
		line("listener", "declared", "waiting", "queued by instance")
	}
	for _, l := range a.Listeners {
		line(listenerCells(l)...)
	}
	if metrics := metricNames(a.Workers); len(metrics) > 0 {
		line("")
		line("metric", "by instance")
		for _, name := range metrics {
			line(terminal.Plain(name), values(a.Workers, name))
		}
	}
	if err := lists.Flush(); err != nil {
		return err
	}
	if a.Run != "" {
		return nil
	}
	_, err := fmt.Fprintf(w.stdout, "\nsystemctl cat '%s@.service' shows its unit, gopm env %s its environment, journalctl -u '%s@*' its logs\n", a.Name, a.Name, a.Name)
	return err
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
		return []string{terminal.Plain(address), declared, "-", "-"}
	}
	var queued []string
	for _, n := range l.Queued {
		queued = append(queued, strconv.Itoa(n))
	}
	return []string{terminal.Plain(address), declared, strconv.Itoa(l.Waiting), orDash(strings.Join(queued, " "))}
}

// metricNames are those that any worker has told, sorted.
func metricNames(workers []fleet.Worker) []string {
	names := map[string]bool{}
	for _, w := range workers {
		for name := range w.Metrics {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// values are a metric's by worker, with its unit.
func values(workers []fleet.Worker, name string) string {
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
	return terminal.Plain(strings.Join(values, " ") + unit)
}
