package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/terminal"
)

// progress shows how far a reload is: a bar on a terminal that has room for one, lines elsewhere.
type progress struct {
	w     world
	quiet bool
	term  terminal.Terminal
	begun time.Time // zero before the first step

	doing       string
	done, total int
}

// leastWidth is what there has to be for a bar and its text, in columns.
const leastWidth = 60

func newProgress(w world, quiet bool) *progress {
	return &progress{w: w, quiet: quiet, term: terminal.Of(w.stdout, w.getenv)}
}

// step is an activator's answer on the way.
func (p *progress) step(answer control.Answer) {
	if p.term.Is && !p.term.Dumb && p.term.Width >= leastWidth && answer.Roll != nil {
		if p.begun.IsZero() {
			p.begun = time.Now()
		}
		// A worker that is being replaced isn't yet.
		p.done, p.total = max(0, answer.Roll.Done-1), answer.Roll.Total
	}
	p.line(answer.Progress)
}

// line says something: in the bar, where there is one.
func (p *progress) line(text string) {
	switch {
	case p.quiet:
	case p.begun.IsZero():
		fmt.Fprintln(p.w.stdout, text)
	default:
		p.doing = text
		p.draw()
	}
}

// end leaves the terminal at the beginning of a line. done: all steps are.
func (p *progress) end(done bool) {
	if p.quiet || p.begun.IsZero() {
		return
	}
	if done {
		p.done = p.total
		p.draw()
	}
	fmt.Fprintln(p.w.stdout)
}

// barWidth is that of the bar alone, in columns.
const barWidth = 16

// draw draws the bar over the one before.
func (p *progress) draw() {
	total := max(p.total, 1)
	full := barWidth * min(p.done, total) / total
	bar := fmt.Sprintf(" %3d%% |%s%s| (%d/%d) [%s]", 100*min(p.done, total)/total, strings.Repeat("█", full), strings.Repeat(" ", barWidth-full), p.done, p.total, time.Since(p.begun).Truncate(time.Second))
	fmt.Fprintf(p.w.stdout, "\r%s%s%s", shorten(p.doing, p.term.Width-utf8.RuneCountInString(bar)-1), bar, ansi.EraseLineRight)
}

// shorten cuts a text to n characters, the last of which tells that it was cut.
func shorten(text string, n int) string {
	n = max(n, 1)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
