// Package monit is gopm monit: the apps' workers, what one of them says and what
// it measures, on a whole screen. What is shown is decided by Model, which knows
// nothing of terminals, systemd or clocks.
package monit

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/cmd/gopm/logs"
	"github.com/gopm/gopm/terminal"
)

// mostLines is how many lines are kept of each app.
const mostLines = 1000

// Reading is what the apps do now.
type Reading struct {
	Fleet fleet.Fleet
	Err   error // why it is not known; the last one is shown on
	At    time.Time
}

// Said are lines of logs, the oldest first.
type Said []logs.Line

// Note is something to tell at the bottom of the screen.
type Note string

// Actions are what somebody can have done. They take their time, and are over
// with a Note.
type Actions struct {
	Reload func(app string) Note
}

// Model is what is shown and how. The zero size shows nothing.
type Model struct {
	Actions Actions
	Colour  bool

	width, height int
	fleet         fleet.Fleet
	at            time.Time
	rows          []row
	selected      int
	lines         map[string][]logs.Line // by app
	board         board
	scroll        [boards]int // lines from the top; of logs, from the end
	failed        string      // why the last reading failed
	note          string      // until a key is pressed
	asks          string      // the app whose reload is to be confirmed
}

// board is one of the four parts of the screen.
type board int

const (
	list board = iota
	log
	metrics
	metadata
	boards = iota
)

// row is a worker or, of an app that has none, the app.
type row struct {
	app    fleet.App
	called string // the app; no other is called so
	worker fleet.Worker
	none   bool
}

func (r row) is(other row) bool {
	return r.called == other.called && r.none == other.none && r.worker.Instance == other.worker.Instance
}

// status is what a row does.
func (r row) status() string {
	if r.none {
		return string(r.app.State)
	}
	return terminal.Plain(string(r.worker.State))
}

// name is that of a worker's unit, or the app's.
func (r row) name() string {
	if r.none {
		return r.called
	}
	return r.called + "@" + itoa(r.worker.Instance)
}

// New is a model with nothing in it yet.
func New(actions Actions, colour bool) Model {
	return Model{Actions: actions, Colour: colour, lines: make(map[string][]logs.Line), failed: "reading…"}
}

// Init does nothing: readings and lines come from outside.
func (m Model) Init() tea.Cmd { return nil }

// take shows a reading. The selected worker stays selected; where it is gone, what
// is in its place now.
func (m Model) take(r Reading) Model {
	m.failed = ""
	if r.Err != nil {
		m.failed = "error: " + r.Err.Error()
		return m
	}
	was, had := m.current()
	m.fleet, m.at = r.Fleet, r.At
	m.rows = rowsOf(r.Fleet)
	if had {
		if i := slices.IndexFunc(m.rows, was.is); i >= 0 {
			m.selected = i
		}
	}
	m.selected = min(m.selected, max(0, len(m.rows)-1))
	return m
}

func rowsOf(f fleet.Fleet) []row {
	var rows []row
	names := f.Names()
	for i, a := range f.Apps {
		for _, w := range a.Workers {
			rows = append(rows, row{app: a, called: names[i], worker: w})
		}
		if len(a.Workers) == 0 {
			rows = append(rows, row{app: a, called: names[i], none: true})
		}
	}
	return rows
}

// current is the selected row; false where there is none.
func (m Model) current() (row, bool) {
	if m.selected >= len(m.rows) {
		return row{}, false
	}
	return m.rows[m.selected], true
}

// hear keeps lines. Who has scrolled back keeps what he looks at.
func (m Model) hear(said Said) Model {
	shown, _ := m.current()
	for _, line := range said {
		kept := append(m.lines[line.App], line)
		if len(kept) > mostLines {
			kept = slices.Clone(kept[len(kept)-mostLines:])
		}
		m.lines[line.App] = kept
		if m.scroll[log] > 0 && shown.says(line) {
			m.scroll[log] += len(m.wrapped(line))
		}
	}
	return m
}

// says tells whether a line is of the row, or of nobody in particular.
func (r row) says(line logs.Line) bool {
	return line.App == r.app.Name && line.Run == r.app.Run && (r.none || line.Instance < 0 || line.Instance == r.worker.Instance)
}
