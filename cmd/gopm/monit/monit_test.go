package monit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/cmd/gopm/logs"
)

var now = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// aFleet has an app of some workers, and one that is stopped.
func aFleet(workers int) fleet.Fleet {
	api := fleet.App{
		Name: "my-api", Title: "my‑api", State: fleet.Online, Mode: "cluster", Supervised: true, Instances: workers, Ready: workers,
		Listeners: []control.Listener{{Address: "[::]:3000", Protocol: "tcp"}}, Aborted: "the canary failed",
	}
	for i := range workers {
		cpu, memory, connections := 12.34, int64(67<<20), 5
		api.Workers = append(api.Workers, fleet.Worker{
			Worker: control.Worker{
				Instance: i, Unit: fmt.Sprintf("my-api@%d.service", i), PID: 100 + i, State: control.Ready, Restarts: 2,
				Metrics: map[string]control.Metric{"Users\x1b[2J": {Value: json.RawMessage(`"7"`), Unit: "people"}},
				Measures: &control.Measures{
					HeapUsed: 10 << 20, HeapTotal: 20 << 20, Requests: 41, RequestsPerSecond: 4.21, Connections: &connections, ActiveRequests: &connections,
					Latency: &control.Latency{Mean: 1, P95: 2.5}, EventLoopDelay: &control.Delay{Mean: 0.25, P99: 3},
				},
			},
			Began: now.Add(-90 * time.Minute), CPU: &cpu, Memory: &memory,
		})
	}
	return fleet.Fleet{Apps: []fleet.App{api, {Name: "old", Title: "old", State: fleet.Stopped, Mode: "fork"}}}
}

// shown is a model of a size that has got messages.
func shown(width, height int, messages ...tea.Msg) Model {
	return after(New(Actions{Reload: func(app string) Note { return Note("reloaded " + app) }}, false),
		append([]tea.Msg{tea.WindowSizeMsg{Width: width, Height: height}}, messages...)...)
}

func after(m Model, messages ...tea.Msg) Model {
	for _, msg := range messages {
		next, _ := m.Update(msg)
		m = next.(Model)
	}
	return m
}

// keyed are presses.
func keyed(keys ...string) (messages []tea.Msg) {
	codes := map[string]rune{"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "tab": tea.KeyTab, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd}
	for _, key := range keys {
		if code, ok := codes[key]; ok {
			messages = append(messages, tea.KeyPressMsg{Code: code})
			continue
		}
		messages = append(messages, tea.KeyPressMsg{Code: []rune(key)[0], Text: key})
	}
	return messages
}

func said(instance int, stream logs.Stream, texts ...string) tea.Msg {
	var lines Said
	for _, text := range texts {
		lines = append(lines, logs.Line{App: "my-api", Instance: instance, Stream: stream, Text: text})
	}
	return lines
}

func TestScreen(t *testing.T) {
	m := shown(80, 24, Reading{Fleet: aFleet(3), At: now},
		said(0, logs.Out, "listening\ton 3000", strings.Repeat("0123456789", 5)),
		said(1, logs.Out, "another worker's"),
		Said{{App: "my-api", Run: "/run/gopm/run-1", Instance: 0, Stream: logs.Out, Text: "of another my-api, a run's"}},
		said(-1, logs.Err, "of nobody in particular\x1b[2J\x07"),
		said(0, logs.Activator, "my-api@0.service is ready"))
	const want = `┏━ Process List ━━━━━━━━━━━━━━━━━━━━━━━┓┌─ my-api@0 Logs ──────────────────────┐
│ [ 0] my-api   67.0MB  12.3% ready    ││ listening    on 3000                 │
│ [ 1] my-api   67.0MB  12.3% ready    ││ 012345678901234567890123456789012345 │
│ [ 2] my-api   67.0MB  12.3% ready    ││ 67890123456789                       │
│ [ -] old           -      - stopped  ││ of nobody in particular?[2J?         │
│                                      ││ gopm| my-api@0.service is ready      │
│                                      ││                                      │
│                                      ││                                      │
│                                      ││                                      │
│                                      ││                                      │
│                                      ││                                      │
│                                      ││                                      │
│                                      ││                                      │
└──────────────────────────────────────┘└──────────────────────────────────────┘
┌─ Metrics ────────────────────────────┐┌─ Metadata ───────────────────────────┐
│ HTTP                    4.2 req/s    ││ App Name     my‑api                  │
│ Active requests         5            ││ App State    online, 3 of 3 ready    │
│ Connections             5            ││ Unit         my-api@0.service        │
│ HTTP Mean Latency       1.00 ms      ││ Status       ready                   │
│ HTTP P95 Latency        2.50 ms      ││ PID          100                     │
│ Event Loop Latency      0.25 ms      ││ Restarts     2                       │
│ Event Loop Latency p99  3.00 ms      ││ Uptime       1h                      │
└──────────────────────────────────────┘└──────────────────────────────────────┘
 ↑↓ jk select, scroll · ←→ tab board · PgUp PgDn logs · r reload · q quit       `
	if got := ansi.Strip(m.screen()); got != want {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
	m = after(m, tea.WindowSizeMsg{Width: 200, Height: 50})
	for _, text := range []string{
		"│ [ 1] my-api             Mem:  67.0MB  CPU:  12.3% ready      │", "Heap Usage              50.00 %", "Users?[2J               7 people",
		"Listens on   [::]:3000", "Last reload  aborted: the canary failed", "Exec mode    cluster",
	} {
		if got := ansi.Strip(m.screen()); !strings.Contains(got, text) {
			t.Errorf("the wide screen lacks %q:\n%s", text, got)
		}
	}
}

// Whatever the size, each line is as long as the screen is wide, and there are as
// many as it has.
func TestSizes(t *testing.T) {
	messages := []tea.Msg{Reading{Fleet: aFleet(40), At: now}, said(0, logs.Out, strings.Repeat("語", 300), "x"), said(0, logs.Err, "\u202e\x00\r\x1b]0;title\x07")}
	for _, size := range [][2]int{{72, 12}, {80, 24}, {81, 25}, {120, 30}, {200, 50}, {400, 150}, {72, 200}} {
		m := shown(size[0], size[1], append(messages, keyed("down", "down", "tab", "up", "up")...)...)
		lines := strings.Split(m.screen(), "\n")
		if len(lines) != size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if got := ansi.StringWidth(line); got != size[0] {
				t.Errorf("%v: a line of %d columns: %q", size, got, line)
			}
		}
	}
	for _, size := range [][2]int{{0, 0}, {1, 1}, {71, 24}, {80, 11}} {
		got := shown(size[0], size[1], messages...).screen()
		if strings.Contains(got, "\n") || ansi.StringWidth(got) > size[0] {
			t.Errorf("%v: the screen is %q", size, got)
		}
	}
}

func TestColours(t *testing.T) {
	m := shown(80, 24, Reading{Fleet: aFleet(2), At: now}, said(0, logs.Err, "oh"))
	if got := m.screen(); strings.Contains(got, "\x1b[3") || !strings.Contains(got, "\x1b[7m[ 0] my-api") {
		t.Errorf("without colours: %q", got)
	}
	m.Colour = true
	for _, text := range []string{"\x1b[32mready", "\x1b[31moh", "\x1b[31mstopped"} {
		if got := m.screen(); !strings.Contains(got, text) {
			t.Errorf("the screen lacks %q: %q", text, got)
		}
	}
}

// selected is the name of the selected row.
func (m Model) selectedName() string {
	r, _ := m.current()
	return r.name()
}

func TestSelection(t *testing.T) {
	tests := []struct {
		keys []string
		want string
	}{
		{nil, "my-api@0"},
		{[]string{"down"}, "my-api@1"},
		{[]string{"j", "j", "k"}, "my-api@1"},
		{[]string{"up"}, "my-api@0"},
		{[]string{"end"}, "old"},
		{[]string{"G", "down", "up"}, "my-api@3"},
		{[]string{"G", "g"}, "my-api@0"},
		{[]string{"tab", "down"}, "my-api@0"},
		{[]string{"right", "left", "down"}, "my-api@1"},
		{[]string{"tab", "tab", "tab", "tab", "down"}, "my-api@1"},
	}
	for _, test := range tests {
		m := shown(80, 24, append([]tea.Msg{Reading{Fleet: aFleet(4), At: now}}, keyed(test.keys...)...)...)
		if got := m.selectedName(); got != test.want {
			t.Errorf("%q select %s, want %s", test.keys, got, test.want)
		}
	}
	// It stays with its worker where others come and go.
	m := shown(80, 24, Reading{Fleet: aFleet(2), At: now}, keyed("G")[0], Reading{Fleet: aFleet(5), At: now})
	if got := m.selectedName(); got != "old" {
		t.Errorf("%s is selected after others have come, want old", got)
	}
	m = after(m, Reading{Fleet: fleet.Fleet{Apps: aFleet(5).Apps[:1]}, At: now})
	if got := m.selectedName(); got != "my-api@4" {
		t.Errorf("%s is selected where old has gone, want the last", got)
	}
	if got := ansi.Strip(after(m, Reading{At: now}).screen()); !strings.Contains(got, "no app is known here") {
		t.Errorf("without any app:\n%s", got)
	}
}

func TestLogsAreScrolled(t *testing.T) {
	var texts []string
	for i := range 30 {
		texts = append(texts, fmt.Sprint("line ", i))
	}
	m := shown(80, 24, Reading{Fleet: aFleet(1), At: now}, said(0, logs.Out, texts...))
	last := func(m Model) string {
		board := m.logBoard(m.layout().log.lines())
		return board[len(board)-1]
	}
	wants := func(what string, m Model, want string) {
		t.Helper()
		if got := last(m); got != want {
			t.Errorf("%s: the last line is %q, want %q", what, got, want)
		}
	}
	wants("at first", m, "line 29")
	back := after(m, keyed("pgup")...)
	wants("a page back", back, "line 18")
	back = after(back, said(0, logs.Out, "new"), said(7, logs.Out, "another's"))
	wants("while lines come", back, "line 18")
	if got := ansi.Strip(back.screen()); !strings.Contains(got, "my-api@0 Logs (12 below)") {
		t.Errorf("it does not tell that there are more:\n%s", got)
	}
	wants("pages back", after(back, keyed("pgup", "pgup", "pgup", "pgup")...), "line 11")
	wants("and forth", after(back, keyed("pgdown", "pgdown")...), "new")
	wants("by lines", after(back, keyed("tab", "up", "up", "down")...), "line 17")
	wants("to the end", after(back, keyed("tab", "G")...), "new")
	for range 3 * mostLines {
		m = after(m, said(0, logs.Out, "x"))
	}
	if n := len(m.lines["my-api"]); n > mostLines {
		t.Errorf("%d lines are kept, want %d", n, mostLines)
	}
}

func TestMetricsAreScrolled(t *testing.T) {
	m := shown(80, 24, Reading{Fleet: aFleet(1), At: now})
	m = after(m, keyed("tab", "tab", "down", "down")...)
	if got := ansi.Strip(m.screen()); !strings.Contains(got, "┏━ Metrics") || strings.Contains(got, "Active requests") || !strings.Contains(got, "Used Heap Size") {
		t.Errorf("scrolled by two, the metrics are\n%s", got)
	}
	// What is scrolled stays on the board where the screen grows.
	m = after(m, keyed("end")...)
	m = after(m, tea.WindowSizeMsg{Width: 200, Height: 50})
	if got := ansi.Strip(m.screen()); !strings.Contains(got, "HTTP     ") {
		t.Errorf("on a large screen the metrics are\n%s", got)
	}
}

func TestReloadIsConfirmed(t *testing.T) {
	m := shown(80, 24, Reading{Fleet: aFleet(1), At: now})
	bottom := func(m Model) string {
		lines := strings.Split(ansi.Strip(m.screen()), "\n")
		return strings.TrimSpace(lines[len(lines)-1])
	}
	m = after(m, keyed("r")...)
	if got, want := bottom(m), "reload my-api, one worker after the other? y n"; got != want {
		t.Errorf("it asks %q, want %q", got, want)
	}
	if next, command := m.Update(keyed("q")[0]); command != nil || bottom(next.(Model)) != keys {
		t.Errorf("another key does something: %q", bottom(next.(Model)))
	}
	next, command := m.Update(keyed("y")[0])
	if command == nil || bottom(next.(Model)) != "reload my-api…" {
		t.Fatalf("y does nothing: %q", bottom(next.(Model)))
	}
	m = after(next.(Model), command())
	if got := bottom(m); got != "reloaded my-api" {
		t.Errorf("after it, %q", got)
	}
	if got := bottom(after(m, keyed("j")...)); got != keys {
		t.Errorf("after another key, %q", got)
	}
}

// systemd and a gopm run may have an app of one name each.
func TestReloadOfOneOfTwo(t *testing.T) {
	two := aFleet(1)
	two.Apps[1] = two.Apps[0]
	two.Apps[1].Run = "/run/gopm/run-7"
	m := after(shown(80, 24, Reading{Fleet: two, At: now}), keyed("j", "r", "y")...)
	if got := ansi.Strip(m.screen()); !strings.Contains(got, "[ 0] system…  ") || !strings.Contains(got, "reload run-7/my-api…") {
		t.Errorf("the screen is\n%s", got)
	}
}

func TestEnds(t *testing.T) {
	for _, key := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		_, command := shown(80, 24).Update(key)
		if command == nil || command() != tea.Quit() {
			t.Errorf("%s does not quit", key)
		}
	}
}

// What is known stays where a reading fails.
func TestReadingFails(t *testing.T) {
	m := shown(80, 24, Reading{Fleet: aFleet(1), At: now}, Reading{Err: errors.New("list units: gone"), At: now})
	got := ansi.Strip(m.screen())
	if !strings.Contains(got, "error: list units: gone") || !strings.Contains(got, "[ 0] my-api") {
		t.Errorf("the screen is\n%s", got)
	}
	if lines := strings.Split(got, "\n"); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "┏") }) {
		t.Error("it has no boards")
	}
	if got := ansi.Strip(after(m, Reading{Fleet: aFleet(1), At: now}).screen()); strings.Contains(got, "error") {
		t.Errorf("the error stays:\n%s", got)
	}
}
