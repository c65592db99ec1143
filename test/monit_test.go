package test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/site"
)

// quoted is a command for a shell.
func quoted(args []string) string {
	var words []string
	for _, arg := range args {
		words = append(words, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}

// colour is one of a terminal's eight, or of more (SGR 30 to 38, ECMA-48).
var colour = regexp.MustCompile(`\x1b\[([0-9]+;)*3[0-8][;m]`)

// monit is a line of sh that runs gopm monit on the machine, and then tells what
// it has left of the terminal.
func (s scenario) monit(env ...string) string {
	env = append([]string{"--ignore-environment", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TERM=tmux-256color"}, env...)
	command := quoted(s.Command(s.t.Context(), "env", append(env, "gopm", "monit")...).Args)
	return command + `; echo "ended with $?"; stty -a | grep --only-matching --word-regexp -e '-*echo' -e '-*icanon'; sleep infinity`
}

func TestMonit(t *testing.T) {
	s := boot(t, four)
	s.must(s.WriteFile("/srv/talk/app.js", talker))
	job := s.install(forkApp{name: "job", command: node + " --require=/usr/lib/gopm/agent.cjs /srv/talk/app.js", settings: []string{"Environment=GOPM_INSTANCES=2"}})
	job.running(2)
	s.must(s.Start(t.Context()))
	s.get("http://" + site.Address + "/api/v1/hello")
	pids := s.exactly(workers)

	// At 80×24: all workers, and of the first what it says and measures.
	term := s.openTerminal(80, 24, s.monit())
	term.eventually("there are colours", func() bool { return colour.MatchString(term.tmux("capture-pane", "-p", "-e")) })
	term.shows("Process List", "job@0 Logs", "Metrics", "Metadata", "[ 0] job", "[ 3] my-api", "started 0", "warned 0",
		"Used Heap Size", "Event Loop Latency", "PID", "job@0.service", "r reload · q quit")
	fits(t, term.screen(), 80, 24)
	s.gopm("send", "job", "0", `"\u001b[2J cleared"`)
	term.shows("told ?[2J cleared")
	fits(t, term.screen(), 80, 24)

	// Another worker is chosen; what it does and says is shown.
	term.press("Down", "j")
	term.shows("my-api@0 Logs", fmt.Sprint("PID ", pids[site.Instance(0)], " "), "online, 4 of 4 ready", "HTTP", "Connections")
	if screen := term.screen(); strings.Contains(screen, "started 0") {
		t.Errorf("the logs of another worker are still there:\n%s", screen)
	}

	// At 200×50 there is more of it, and back again.
	term.resize(200, 50)
	term.shows("Mem:", "CPU:", "Heap Usage", "Event Loop Utilization", "[::]:3000", "Restarts")
	fits(t, term.screen(), 200, 50)
	term.resize(30, 10)
	term.shows("needs 72×12; q quits")
	term.resize(80, 24)
	term.shows("my-api@0 Logs", "┏━ Process List")
	fits(t, term.screen(), 80, 24)

	// A reload, once that is confirmed.
	term.press("r")
	term.shows("reload my-api, one worker after the other? y n")
	term.press("n")
	term.shows("r reload · q quit")
	term.press("r", "y")
	term.shows("reload my-api: done")
	s.replaced(pids)
	term.shows("my-api@0.service is ready")

	// The logs are scrolled, and the terminal is left as it was.
	term.press("Tab")
	term.shows("┏━ my-api@0 Logs")
	term.press("g")
	term.shows(" below)")
	term.press("G", "q")
	term.shows("ended with 0", "\nicanon\necho")
	if on := term.tmux("display-message", "-p", "#{alternate_on}"); on != "0\n" {
		t.Errorf("the alternate screen is on: %q", on)
	}

	// A signal is as good an end as q.
	second := s.openTerminal(200, 50, s.monit("NO_COLOR=1"))
	second.shows("Process List", "[ 0] job")
	if colours := second.tmux("capture-pane", "-p", "-e"); colour.MatchString(colours) || !strings.Contains(colours, "\x1b[7m") {
		t.Errorf("with NO_COLOR the screen has colours, or no reverse line:\n%q", colours)
	}
	_, err := s.Run(t.Context(), "pkill", "--signal=TERM", "--exact", "gopm")
	s.must(err)
	second.shows("ended with 0", "\nicanon\necho")
	if out, err := s.Run(t.Context(), "pgrep", "--exact", "journalctl"); err == nil {
		t.Errorf("journalctl is left behind: %s", out)
	}

	_, err = s.Run(t.Context(), "gopm", "monit")
	if err == nil || !strings.HasSuffix(err.Error(), "gopm: error: monit needs a terminal; for programs there is gopm ls --json") {
		t.Errorf("without a terminal: %v", err)
	}
}
