package main

import (
	"fmt"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/terminal"
)

// progress shows how far a reload is: a bar on a terminal, lines elsewhere.
type progress struct {
	w     world
	quiet bool
	term  terminal.Terminal
	bar   *progressbar.ProgressBar // nil before the first step
}

func newProgress(w world, quiet bool) *progress {
	return &progress{w: w, quiet: quiet, term: terminal.Of(w.stdout, w.getenv)}
}

// step is an activator's answer on the way.
func (p *progress) step(answer control.Answer) {
	switch {
	case p.quiet:
		return
	case !p.term.Is || answer.Roll == nil:
		p.line(answer.Progress)
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(answer.Roll.Total,
			progressbar.OptionSetWriter(p.w.stdout),
			progressbar.OptionSetWidth(16),
			progressbar.OptionShowCount(),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionEnableColorCodes(p.term.Colour),
		)
	}
	p.line(answer.Progress)
	// A worker that is being replaced isn't yet.
	_ = p.bar.Set(max(0, answer.Roll.Done-1)) // it fails where the terminal does
}

// line says something: in the bar, where there is one.
func (p *progress) line(text string) {
	switch {
	case p.quiet:
	case p.bar != nil:
		p.bar.Describe(shorten(text, p.term.Width-40))
	default:
		fmt.Fprintln(p.w.stdout, text)
	}
}

// end leaves the terminal at the beginning of a line. done: all steps are.
func (p *progress) end(done bool) {
	if p.bar == nil {
		return
	}
	if done {
		_ = p.bar.Finish()
	}
	fmt.Fprintln(p.w.stdout)
}

// shorten cuts a text to n characters, the last of which tells that it was cut.
func shorten(text string, n int) string {
	n = max(n, 1)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
