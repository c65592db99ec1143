// Package logs reads what apps have said: from the journal, from the gopm run that
// has them and, where a unit's logs go to a file, from that. What their activators,
// systemd and the run say of them comes with it.
package logs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/units"
)

// Stream is where a line comes from.
type Stream string

// The streams. The names are promised by gopm(1).
const (
	Out       Stream = "out"
	Err       Stream = "err"
	Activator Stream = "gopm"    // the app's activator has said it, or its gopm run
	Systemd   Stream = "systemd" // so has systemd, of a worker or the activator
)

// FromApp tells whether the app itself has said it.
func (s Stream) FromApp() bool { return s == Out || s == Err }

// Line is one line of a log.
type Line struct {
	// At is when it was said, as the journal or the run has it; zero where it is from
	// a file and was there before.
	At  time.Time
	App string
	// Run is the folder of the gopm run that has the app; empty where systemd has it.
	Run string
	// Instance is the worker that it is of or about; -1 where it is of none.
	Instance int
	Stream   Stream
	Text     string // without a newline
}

// Choice is an app whose lines are wanted, or one worker's of it.
type Choice struct {
	App string
	// Run is the folder of the gopm run that has it; empty where systemd has it.
	Run string
	// Instance is the worker; -1: all that there are, and the activator.
	Instance int
	// Known is one more than the greatest instance that there is.
	Known int
}

// has tells whether a line is wanted.
func (c Choice) has(line Line) bool {
	return c.App == line.App && c.Run == line.Run && (c.Instance < 0 || c.Instance == line.Instance)
}

func wanted(line Line, choices []Choice) bool {
	return slices.ContainsFunc(choices, func(c Choice) bool { return c.has(line) })
}

// split is a line for each that a text has.
func (l Line) split(text string) []Line {
	var out []Line
	for part := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		l.Text = strings.TrimSuffix(part, "\r")
		out = append(out, l)
	}
	return out
}

// instances are those to look for. A reload has more workers than there are now,
// and so has an app that is scaled.
func (c Choice) instances() []int {
	if c.Instance >= 0 {
		return []int{c.Instance}
	}
	var all []int
	for i := range 2*c.Known + 1 {
		all = append(all, i)
	}
	return all
}

// about is the app and the instance that a unit belongs to, -1 for an
// activator's; false where it is neither's.
func about(unit string) (app string, instance int, ok bool) {
	name, ok := strings.CutSuffix(unit, ".service")
	if !ok {
		return "", 0, false
	}
	if app, ok := units.AppOfActivator(unit); ok {
		return app, -1, true
	}
	app, number, ok := strings.Cut(name, "@")
	instance, err := strconv.Atoi(number)
	return app, instance, ok && err == nil && instance >= 0
}
