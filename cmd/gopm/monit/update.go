package monit

import (
	"strconv"

	tea "charm.land/bubbletea/v2"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Update takes what has come.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case Reading:
		m = m.take(msg)
	case Said:
		m = m.hear(msg)
	case Note:
		m.note = string(msg)
	case tea.KeyPressMsg:
		return m.press(msg.String())
	}
	return m.bounded(), nil
}

// press does what a key is for.
func (m Model) press(key string) (tea.Model, tea.Cmd) {
	if m.asks != "" {
		return m.answer(key)
	}
	m.note = ""
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "ctrl+z":
		return m, tea.Suspend
	case "tab", "right", "l":
		m.board = (m.board + 1) % boards
	case "shift+tab", "left", "h":
		m.board = (m.board + boards - 1) % boards
	case "up", "k":
		m = m.move(-1)
	case "down", "j":
		m = m.move(1)
	case "home", "g":
		m = m.move(-1 << 30)
	case "end", "G":
		m = m.move(1 << 30)
	case "pgup":
		m.scroll[log] += m.page()
	case "pgdown", "space":
		m.scroll[log] -= m.page()
	case "r":
		if r, ok := m.current(); ok && m.Actions.Reload != nil {
			m.asks = r.called
		}
	}
	return m.bounded(), nil
}

// answer is the key after a question.
func (m Model) answer(key string) (tea.Model, tea.Cmd) {
	app := m.asks
	m.asks = ""
	switch key {
	case "ctrl+c":
		return m, tea.Quit
	case "y", "enter":
		m.note = "reload " + app + "…"
		return m, func() tea.Msg { return m.Actions.Reload(app) }
	}
	m.note = ""
	return m, nil
}

// move goes through the board that the keys are for: up is negative.
func (m Model) move(by int) Model {
	switch m.board {
	case list:
		was := m.selected
		m.selected = min(max(0, m.selected+by), max(0, len(m.rows)-1))
		if m.selected != was {
			m.scroll = [boards]int{}
		}
	case log: // it is counted from the end
		m.scroll[log] -= by
	default:
		m.scroll[m.board] += by
	}
	return m
}

// page is how far a page of logs goes.
func (m Model) page() int { return max(1, m.layout().log.lines()-1) }

// bounded keeps what is scrolled on its board.
func (m Model) bounded() Model {
	l := m.layout()
	bound := func(b board, most int) { m.scroll[b] = max(0, min(m.scroll[b], most)) }
	bound(metrics, len(m.metricsText())-l.metrics.lines())
	bound(metadata, len(m.metadataText())-l.metadata.lines())
	if m.scroll[log] != 0 { // else there is no need to count
		bound(log, len(m.logText(1<<30))-l.log.lines())
	}
	return m
}
