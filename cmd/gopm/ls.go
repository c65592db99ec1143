package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/figures"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/terminal"
)

func lsVerb() verb {
	return verb{
		names:    []string{"ls", "list", "status", "l", "ps"},
		args:     "[APP…]",
		about:    "the apps and what their workers do",
		examples: "  gopm ls\n  gopm ls --json | jq -r '.[] | select(.state != \"online\").app'\n  gopm ls --names         for scripts and completions\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			asJSON := flags.Bool("json", false, "print a JSON array of the apps")
			names := flags.Bool("names", false, "print the names of the apps alone")
			return func(ctx context.Context, w world, args []string) error {
				// A list of hundreds of workers takes 5 MB: to collect some of that takes
				// longer than it lives.
				debug.SetGCPercent(400)
				reader := newSite(ctx, w, *user).reader
				// An app may be called by its title, which is also in what a script gets.
				reader.Brief = !*asJSON && len(args) == 0
				f, err := reader.Read(ctx)
				if err != nil {
					return err
				}
				if f, err = only(f, args); err != nil {
					return err
				}
				switch {
				case *names:
					for _, name := range f.Names() {
						fmt.Fprintln(w.stdout, name)
					}
					return nil
				case *asJSON:
					return printJSON(w, append([]fleet.App{}, f.Apps...))
				}
				return printFleet(w, f, terminal.Of(w.stdout, w.getenv), time.Now())
			}
		},
	}
}

// only is the part of a fleet that words name; all of it where there are none.
func only(f fleet.Fleet, words []string) (fleet.Fleet, error) {
	if len(words) == 0 {
		return f, nil
	}
	chosen, err := choices(f, words)
	f.Apps = nil
	for _, c := range chosen {
		if err := c.missing(); err != nil {
			return f, err
		}
		if c.instance >= 0 {
			c.app.Workers = c.workers()
		}
		f.Apps = append(f.Apps, c.app)
	}
	return f, err
}

func printJSON(w world, v any) error {
	out := json.NewEncoder(w.stdout)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// row is a worker or, for an app that has none, the app.
type row struct {
	app    *fleet.App
	name   string        // the app's, as it is shown
	worker *fleet.Worker // nil where there is none
	now    time.Time
}

// column is one of the table. Where that is too wide for the terminal those that
// are least dear go first.
type column struct {
	title string
	dear  int  // 0: it never goes
	rare  bool // it is there only where there is something in it
	right bool
	cell  func(row) string
}

var columns = []column{
	{title: "app", cell: func(r row) string { return terminal.Plain(r.name) }},
	{title: "id", right: true, cell: worker(func(w *fleet.Worker) string { return strconv.Itoa(w.Instance) })},
	{title: "mode", dear: 1, cell: func(r row) string { return orDash(terminal.Plain(r.app.Mode)) }},
	{title: "pid", dear: 3, right: true, cell: worker(func(w *fleet.Worker) string { return number(w.PID) })},
	{title: "uptime", right: true, cell: func(r row) string { return r.uptime() }},
	{title: "↺", right: true, cell: worker(func(w *fleet.Worker) string { return strconv.Itoa(w.Restarts) })},
	{title: "status", cell: func(r row) string { return r.status() }},
	{title: "cpu", right: true, cell: worker(func(w *fleet.Worker) string { return figures.Percent(w.CPU) })},
	{title: "mem", right: true, cell: worker(func(w *fleet.Worker) string { return size(w.Memory) })},
	{title: "conns", dear: 4, rare: true, right: true, cell: measured(func(m control.Measures) string {
		if m.Connections == nil {
			return "-"
		}
		return strconv.Itoa(*m.Connections)
	})},
	{title: "req/s", dear: 5, rare: true, right: true, cell: measured(func(m control.Measures) string {
		return strconv.FormatFloat(m.RequestsPerSecond, 'f', 1, 64)
	})},
	{title: "loop", dear: 2, rare: true, right: true, cell: measured(func(m control.Measures) string {
		if m.EventLoopDelay == nil {
			return "-"
		}
		return strconv.FormatFloat(m.EventLoopDelay.Mean, 'f', 1, 64) + "ms"
	})},
}

// measured is the cell of a column that only a worker which has measured itself
// has something in.
func measured(cell func(control.Measures) string) func(row) string {
	return func(r row) string {
		if r.worker == nil || r.worker.Measures == nil {
			return "-"
		}
		return cell(*r.worker.Measures)
	}
}

// worker is the cell of a column that an app without workers has nothing in.
func worker(cell func(*fleet.Worker) string) func(row) string {
	return func(r row) string {
		if r.worker == nil {
			return "-"
		}
		return cell(r.worker)
	}
}

func (r row) uptime() string {
	if r.worker == nil {
		return "-"
	}
	return uptime(r.worker.Began, r.now)
}

func (r row) status() string {
	if r.worker == nil {
		return string(r.app.State)
	}
	return terminal.Plain(string(r.worker.State))
}

// printFleet prints the table, and below it what is to be said of an app.
func printFleet(w world, f fleet.Fleet, t terminal.Terminal, now time.Time) error {
	if len(f.Apps) == 0 {
		_, err := fmt.Fprintln(w.stdout, "no app is known here: gopm-gen makes units of an ecosystem file, gopm run runs one")
		return err
	}
	var rows []row
	names := f.Names()
	for i := range f.Apps {
		a := &f.Apps[i]
		for j := range a.Workers {
			rows = append(rows, row{app: a, name: names[i], worker: &a.Workers[j], now: now})
		}
		if len(a.Workers) == 0 {
			rows = append(rows, row{app: a, name: names[i], now: now})
		}
	}
	if _, err := w.stdout.Write(table(rows, columns, t)); err != nil {
		return err
	}
	var notes []string
	for _, a := range f.Apps {
		notes = append(notes, notesOf(a)...)
		if a.Unseen != "" && (f.Limited == nil || a.Unseen != f.Limited.Error()) {
			notes = append(notes, a.Name+": less is shown: "+a.Unseen)
		}
	}
	if f.Limited != nil {
		notes = append(notes, "less is shown: "+f.Limited.Error())
	}
	if len(notes) > 0 {
		fmt.Fprintln(w.stdout)
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(w.stdout, shorten(terminal.Plain(note), t.Width)); err != nil {
			return err
		}
	}
	return nil
}

// notesOf is what is to be said of an app that no worker's row says.
func notesOf(a fleet.App) []string {
	var notes []string
	switch {
	case a.Roll != nil:
		notes = append(notes, fmt.Sprintf("%s: rolling %d/%d (%s): %s", a.Name, a.Roll.Done, a.Roll.Total, a.Roll.Reason, a.Roll.Doing))
	case a.State == fleet.Partial:
		notes = append(notes, sum(a))
	}
	if a.Aborted != "" {
		notes = append(notes, fmt.Sprintf("%s: last reload aborted: %s", a.Name, a.Aborted))
	}
	return notes
}

// filled is a column with what is in it, the title first.
type filled struct {
	column
	cells []string
	width int // in characters
}

// fill makes the cells of a column.
func fill(c column, rows []row) filled {
	f := filled{column: c, cells: make([]string, 0, len(rows)+1), width: utf8.RuneCountInString(c.title)}
	f.cells = append(f.cells, c.title)
	for _, r := range rows {
		cell := c.cell(r)
		f.cells = append(f.cells, cell)
		f.width = max(f.width, utf8.RuneCountInString(cell))
	}
	return f
}

// empty: no row has anything in it.
func (f filled) empty() bool {
	return !slices.ContainsFunc(f.cells[1:], func(cell string) bool { return cell != "-" })
}

// gap is between two columns.
const gap = "  "

// table makes rows fit into a terminal.
func table(rows []row, columns []column, t terminal.Terminal) []byte {
	var all []filled
	width := -len(gap)
	for _, c := range columns {
		if f := fill(c, rows); !f.rare || !f.empty() {
			all = append(all, f)
			width += len(gap) + f.width
		}
	}
	for width > t.Width {
		least := -1
		for i, f := range all {
			if f.dear > 0 && (least < 0 || f.dear < all[least].dear) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		width -= len(gap) + all[least].width
		all = slices.Delete(all, least, least+1)
	}
	return render(all, len(rows)+1, t.Colour)
}

func render(columns []filled, lines int, colour bool) []byte {
	var out, line bytes.Buffer
	for n := range lines {
		line.Reset()
		for i, f := range columns {
			cell := f.cells[n]
			space := strings.Repeat(" ", f.width-utf8.RuneCountInString(cell))
			text := cell + space
			if f.right {
				text = space + cell
			}
			if colour && n > 0 && f.title == "status" {
				text = colourOf(cell) + text + reset
			}
			if i > 0 {
				line.WriteString(gap)
			}
			line.WriteString(text)
		}
		out.Write(bytes.TrimRight(line.Bytes(), " "))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// The colours (console_codes(4)).
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[39m"
)

// colourOf is that of a status.
func colourOf(status string) string {
	switch control.State(status) {
	case control.Ready, control.State(fleet.Online):
		return green
	case fleet.WorkerFailed, control.Sick, control.Stalled, fleet.WorkerStopped, control.Missing:
		return red
	}
	return yellow
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// size is a number of bytes as PM2 shows it.
func size(bytes *int64) string {
	if bytes == nil {
		return "-"
	}
	n := float64(*bytes)
	for _, unit := range []string{"b", "kb", "mb"} {
		if n < 1024 {
			return strconv.FormatFloat(n, 'f', 1, 64) + unit
		}
		n /= 1024
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + "gb"
}

func uptime(began, now time.Time) string {
	if began.IsZero() {
		return "-"
	}
	return figures.Uptime(now.Sub(began))
}
