package monit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/figures"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/cmd/gopm/logs"
	"github.com/gopm/gopm/terminal"
)

// keys is the last line of the screen.
const keys = "↑↓ jk select, scroll · ←→ tab board · PgUp PgDn logs · r reload · q quit"

// View is the screen.
func (m Model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	v.WindowTitle = "gopm monit"
	return v
}

func (m Model) screen() string {
	switch {
	case m.width == 0:
		return ""
	case m.width < leastWidth || m.height < leastHeight:
		return ansi.Truncate(fmt.Sprintf("needs %d×%d; q quits (gopm monit has %d×%d)", leastWidth, leastHeight, m.width, m.height), m.width, "")
	}
	l := m.layout()
	logTitle := "Logs"
	if r, ok := m.current(); ok {
		logTitle = r.name() + " Logs"
	}
	if m.scroll[log] > 0 {
		logTitle += fmt.Sprintf(" (%d below)", m.scroll[log])
	}
	above := beside(
		m.box(list, "Process List", m.listText(l.list), l.list),
		m.box(log, logTitle, m.logBoard(l.log.lines()), l.log),
	)
	below := beside(
		m.box(metrics, "Metrics", m.metricsText()[m.scroll[metrics]:], l.metrics),
		m.box(metadata, "Metadata", m.metadataText()[m.scroll[metadata]:], l.metadata),
	)
	return strings.Join(append(append(above, below...), m.bottom()), "\n")
}

// bottom tells the keys, or what there is to tell in their place.
func (m Model) bottom() string {
	switch {
	case m.asks != "":
		return m.paint(fit(" reload "+m.asks+", one worker after the other? y n", m.width), ansi.NewStyle().Bold())
	case m.note != "" || m.failed != "":
		return m.paint(fit(" "+terminal.Plain(cmp.Or(m.note, m.failed)), m.width), ansi.NewStyle().Bold())
	}
	return m.paint(fit(" "+keys, m.width), ansi.NewStyle().Faint())
}

// box draws a border around lines, cut to its size.
func (m Model) box(b board, title string, text []string, a area) []string {
	border := m.tint(ansi.Cyan)
	if b == m.board {
		border = m.tint(ansi.Green).Bold()
	}
	title = ansi.Truncate(" "+terminal.Plain(title)+" ", max(0, a.width-4), "…")
	left, right, top := "┌", "┐", "─"
	if b == m.board { // without colours, too, it is to be seen where keys go
		left, right, top = "┏", "┓", "━"
	}
	fill := max(0, a.width-3-ansi.StringWidth(title))
	out := []string{m.paint(left+top+title+strings.Repeat(top, fill)+right, border)}
	edge := m.paint("│", border)
	for i := range a.lines() {
		line := ""
		if i < len(text) {
			line = text[i]
		}
		out = append(out, edge+" "+fit(line, a.columns())+" "+edge)
	}
	return append(out, m.paint("└"+strings.Repeat("─", max(0, a.width-2))+"┘", border))
}

// beside puts two boxes of one height next to each other.
func beside(left, right []string) []string {
	out := make([]string, len(left))
	for i := range left {
		out[i] = left[i] + right[i]
	}
	return out
}

// fit makes a line as wide as it has to be.
func fit(line string, width int) string {
	line = ansi.Truncate(line, width, "…")
	return line + strings.Repeat(" ", max(0, width-ansi.StringWidth(line)))
}

// tint is a colour where there are to be any.
func (m Model) tint(colour ansi.BasicColor) ansi.Style {
	if !m.Colour {
		return ansi.NewStyle()
	}
	return ansi.NewStyle().ForegroundColor(colour)
}

func (m Model) paint(text string, style ansi.Style) string {
	if len(style) == 0 {
		return text
	}
	return style.Styled(text)
}

// --- the list ----------------------------------------------------------------

// listText has the selected row in the middle, where there are more than fit.
func (m Model) listText(a area) []string {
	if len(m.rows) == 0 && !m.at.IsZero() {
		return []string{"no app is known here:", "gopm-gen makes units of", "an ecosystem file"}
	}
	first := min(max(0, m.selected-a.lines()/2), max(0, len(m.rows)-a.lines()))
	var out []string
	for i := first; i < len(m.rows) && i < first+a.lines(); i++ {
		out = append(out, m.listRow(m.rows[i], i == m.selected, a.columns()))
	}
	return out
}

// wideList is from how many columns on the list says what its numbers are.
const wideList = 46

func (m Model) listRow(r row, selected bool, columns int) string {
	id := "[ -]"
	if !r.none {
		id = fmt.Sprintf("[%2d]", r.worker.Instance)
	}
	mem, cpu := size(r.worker.Memory), figures.Percent(r.worker.CPU)
	use := fmt.Sprintf(" %7s %6s", mem, cpu)
	if columns >= wideList {
		use = fmt.Sprintf("  Mem: %7s  CPU: %6s", mem, cpu)
	}
	// The longest state, restarting, is cut where there is no room.
	state := 8
	if columns >= wideList {
		state = 10
	}
	name := columns - len(id) - 1 - ansi.StringWidth(use) - 1 - state
	if selected {
		text := fit(fmt.Sprintf("%s %s%s %s", id, fit(terminal.Plain(r.called), name), use, r.status()), columns)
		return m.paint(text, ansi.NewStyle().Reverse(true))
	}
	return id + " " + fit(terminal.Plain(r.called), name) + use + " " + m.paint(r.status(), m.tint(stateColour(r.status())))
}

func stateColour(state string) ansi.BasicColor {
	switch state {
	case string(control.Ready), string(fleet.Online):
		return ansi.Green
	case string(fleet.WorkerFailed), string(control.Sick), string(control.Stalled), string(fleet.WorkerStopped), string(control.Missing):
		return ansi.Red
	}
	return ansi.Yellow
}

// --- the logs ----------------------------------------------------------------

// wrapped is a line as it fits on the board.
func (m Model) wrapped(line logs.Line) []string {
	text := terminal.Plain(line.Text)
	switch line.Stream {
	case logs.Activator, logs.Systemd:
		text = string(line.Stream) + "| " + text
	}
	parts := strings.Split(ansi.Hardwrap(text, max(1, m.layout().log.columns()), true), "\n")
	colour := map[logs.Stream]ansi.BasicColor{logs.Err: ansi.Red, logs.Activator: ansi.Cyan, logs.Systemd: ansi.Magenta}
	if c, ok := colour[line.Stream]; ok {
		for i := range parts {
			parts[i] = m.paint(parts[i], m.tint(c))
		}
	}
	return parts
}

// logBoard are the n lines that are to be seen.
func (m Model) logBoard(n int) []string {
	text := m.logText(m.scroll[log] + n)
	end := max(0, len(text)-m.scroll[log])
	return text[max(0, end-n):end]
}

// logText are the last lines of the selected worker, wrapped: n of them, or a few
// more.
func (m Model) logText(n int) []string {
	r, ok := m.current()
	if !ok {
		return nil
	}
	var out []string // from the last on
	for _, line := range slices.Backward(m.lines[r.app.Name]) {
		if len(out) >= n {
			break
		}
		if r.says(line) {
			parts := m.wrapped(line)
			slices.Reverse(parts)
			out = append(out, parts...)
		}
	}
	slices.Reverse(out)
	return out
}
