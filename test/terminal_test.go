package test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// terminal is a screen of tmux(1), on the host, with a server of its own.
type terminal struct {
	scenario
	socket string
}

// openTerminal runs a line of sh(1) on a screen.
func (s scenario) openTerminal(width, height int, line string) terminal {
	s.t.Helper()
	term := terminal{s, filepath.Join(s.t.TempDir(), "tmux")}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), line)
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("the screen:\n%s", term.screen())
		}
		term.tmux("kill-server")
	})
	return term
}

func (term terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// screen is what is to be read, without colours.
func (term terminal) screen() string {
	term.t.Helper()
	return term.tmux("capture-pane", "-p")
}

func (term terminal) press(keys ...string) {
	term.t.Helper()
	term.tmux(append([]string{"send-keys"}, keys...)...)
}

func (term terminal) resize(width, height int) {
	term.t.Helper()
	term.tmux("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// spaces are what a screen aligns with.
var spaces = regexp.MustCompile(` +`)

// shows waits until the screen has all these texts, in which one space stands for
// any number.
func (term terminal) shows(texts ...string) {
	term.t.Helper()
	term.eventually("the screen has "+strings.Join(texts, ", "), func() bool {
		screen := spaces.ReplaceAllString(term.screen(), " ")
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// fits checks that each board's border is whole: the screen is drawn for its size.
func fits(t *testing.T, screen string, width, height int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
	if len(lines) != height {
		t.Errorf("the screen has %d lines, want %d:\n%s", len(lines), height, screen)
	}
	for i, line := range lines[:len(lines)-1] {
		if n := len([]rune(line)); n != width || !strings.ContainsAny(string([]rune(line)[n-1]), "┐┓│┘") {
			t.Errorf("line %d has %d columns, or no border: %q, want %d", i, n, line, width)
		}
	}
}
