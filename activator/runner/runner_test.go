package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// stand is a run of units that are shell scripts.
type stand struct {
	t       *testing.T
	stop    context.CancelFunc
	reload  chan struct{}
	hurry   chan struct{}
	end     chan error
	over    chan struct{} // closed after end
	runtime control.Manager

	mu     sync.Mutex
	lines  []string
	states []string
}

// script is the unit x@.service of a script, with more directives.
func script(text, more string) []units.File {
	return []units.File{
		{Path: "usr/lib/systemd/system/x.target", Text: "[Unit]\nWants=x@0.service\n"},
		{Path: "usr/lib/systemd/system-preset/80-gopm-x.preset", Text: "# of a test\nenable x.target\n"},
		{Path: "usr/lib/systemd/system/x@.service", Text: "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c \"" +
			strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", "$$", "\n", `\n`).Replace(text) + "\"\nKillSignal=SIGINT\nSuccessExitStatus=SIGINT 130\nTimeoutStopSec=60s\n" + more + "\n"},
		{Path: "usr/lib/systemd/system/x-reload.service", Text: "[Service]\nExecStart=/usr/bin/true\n" +
			"ExecReload=-/usr/bin/systemctl reset-failed x@0.service\nExecReload=/usr/bin/systemctl try-restart x@0.service\n"},
	}
}

// start starts it.
func start(t *testing.T, files []units.File) *stand {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &stand{t: t, stop: cancel, reload: make(chan struct{}), hurry: make(chan struct{}), end: make(chan error, 1), over: make(chan struct{}), runtime: control.Manager{Runtime: t.TempDir()}}
	if err := os.Mkdir(filepath.Dir(s.runtime.Address("x").Path), 0o755); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.over)
		s.end <- Run(ctx, Options{
			Units:   files,
			Runtime: s.runtime,
			Environ: []string{"PATH=/usr/bin:/bin"},
			Host:    os.DirFS("/"),
			Lines: func(l Line) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.lines = append(s.lines, fmt.Sprintf("%s %s/%d %s", l.Kind, l.App, l.Instance, l.Text))
			},
			Notify: func(state string) {
				s.mu.Lock()
				defer s.mu.Unlock()
				first, _, _ := strings.Cut(state, "\n")
				s.states = append(s.states, first)
			},
			Reload: s.reload,
			Hurry:  s.hurry,
		})
	}()
	t.Cleanup(func() {
		cancel()
		// Two runs in one process would reap each other's children.
		<-s.over
		if t.Failed() {
			t.Log(strings.Join(s.said(), "\n"))
		}
	})
	return s
}

func (s *stand) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// until waits for a line, as often as it says.
func (s *stand) until(line string, times int) {
	s.t.Helper()
	await(s.t, line, func() bool {
		n := 0
		for _, l := range s.said() {
			if l == line {
				n++
			}
		}
		return n >= times
	})
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// ended is how it ended.
func (s *stand) ended() string {
	s.t.Helper()
	select {
	case err := <-s.end:
		if err != nil {
			return err.Error()
		}
		return ""
	case <-time.After(30 * time.Second):
		s.t.Fatal("the run does not end")
		return ""
	}
}

func TestEnds(t *testing.T) {
	limit := "Restart=always\nRestartSec=10ms\n[Unit]\nStartLimitIntervalSec=60s\nStartLimitBurst=3"
	tests := []struct {
		name, script, more string
		want               string
		lines              []string
	}{
		{"well", "echo hi; exit 0", "Restart=no", "", []string{"out x/0 hi", "process x/0 x@0.service has ended"}},
		{"badly", "echo no >&2; exit 3", "Restart=no", "failed: x@0.service (exited with status 3)",
			[]string{"err x/0 no", "process x/0 x@0.service has failed, and is not started again: exited with status 3"}},
		{"130", "exit 130", "Restart=no", "", []string{"process x/0 x@0.service has ended"}},
		{"by a clean signal", "kill -TERM $$", "Restart=no", "", []string{"process x/0 x@0.service has ended"}},
		{"by another signal", "kill -SEGV $$", "Restart=no", "failed: x@0.service (killed by signal 11)",
			[]string{"process x/0 x@0.service has failed, and is not started again: killed by signal 11"}},
		{"again and again", "exit 1", limit, "failed: x@0.service (started 3 times within 1m0s)", []string{
			"process x/0 x@0.service exited with status 1; it is started again in 10ms",
			"process x/0 x@0.service exited with status 1; it is started again in 10ms",
			"process x/0 x@0.service exited with status 1; it is started again in 10ms",
			"process x/0 x@0.service has failed, and is not started again: started 3 times within 1m0s"}},
		{"finally", "exit 4", "Restart=always\nRestartPreventExitStatus=4\nSuccessExitStatus=4", "", []string{"process x/0 x@0.service has ended"}},
		{"finally and badly", "exit 4", "Restart=always\nRestartPreventExitStatus=4", "failed: x@0.service (exited with status 4)",
			[]string{"process x/0 x@0.service has failed, and is not started again: exited with status 4"}},
		{"without its folder", "exit 0", "Restart=no\nWorkingDirectory=/none", "failed: x@0.service (go to WorkingDirectory=: stat /none: no such file or directory)",
			[]string{"process x/0 x@0.service has failed, and is not started again: go to WorkingDirectory=: stat /none: no such file or directory"}},
		{"while another command waits for it", "sleep 0.2; exit 5", "Restart=no\nExecStartPost=/bin/sh -c \"exit 1\"\nKillSignal=SIGCONT", "failed: x@0.service (exited with status 5)",
			[]string{"process x/0 x@0.service has failed, and is not started again: exited with status 5"}},
		{"not ready", "exec sleep 1000", "Restart=no\nExecStartPost=/bin/sh -c \"exit 1\"", "failed: x@0.service (not ready: /bin/sh: exited with status 1)",
			[]string{"process x/0 x@0.service has failed, and is not started again: not ready: /bin/sh: exited with status 1"}},
		{"with variables", `echo "$A|$B|$INVOCATION_ID" | sed "s/[0-9a-f]\{32\}/ID/"`, "Restart=no\nEnvironment=\"A=a \\\"b\\\" %%\" B=%i", "",
			[]string{`out x/0 a "b" %|0|ID`, "process x/0 x@0.service has ended"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, script(test.script, test.more))
			if got := s.ended(); got != test.want {
				t.Errorf("it ends with %q, want %q", got, test.want)
			}
			lines := s.said()
			// A line of the app's may come after what gopm says of its end.
			slices.SortStableFunc(lines, func(a, b string) int {
				return boolean(strings.HasPrefix(a, "process")) - boolean(strings.HasPrefix(b, "process"))
			})
			if !slices.Equal(lines, test.lines) {
				t.Errorf("its lines are\n%q, want\n%q", lines, test.lines)
			}
		})
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestStop(t *testing.T) {
	tests := []struct {
		name, script, more string
		hurry              bool
		want               string
	}{
		{"in order", "trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done", "", false, ""},
		{"by the signal", "echo up; exec sleep 1000", "", false, ""},
		{"too late", "trap '' INT; echo up; while :; do sleep 0.01; done", "TimeoutStopSec=100ms", false, "failed: x@0.service (killed by signal 9)"},
		{"in a hurry", "trap '' INT; echo up; while :; do sleep 0.01; done", "", true, "failed: x@0.service (killed by signal 9)"},
		{"by ExecStop=", "trap 'exit 0' USR1; trap '' INT; echo up; while :; do sleep 0.01; done", `ExecStop=/bin/sh -c "kill -USR1 $$MAINPID; while kill -0 $$MAINPID; do sleep 0.01; done"`, false, ""},
		{"between two starts", "echo up", "Restart=always\nRestartSec=1000s", false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, script(test.script, test.more))
			s.until("out x/0 up", 1)
			if test.name == "between two starts" {
				s.until("process x/0 x@0.service has ended; it is started again in 16m40s", 1)
			} else {
				s.is("x.target active/active", "x@0.service active/running") // else there is no ExecStop=
			}
			s.stop()
			if test.hurry {
				close(s.hurry)
			}
			if got := s.ended(); got != test.want {
				t.Errorf("it ends with %q, want %q", got, test.want)
			}
		})
	}
}

// TestLeaves looks for what a main process leaves: a child in its session, one
// in another, and one whose parent has ended.
func TestLeaves(t *testing.T) {
	for _, test := range []struct {
		mode string
		left int
	}{{"control-group\nTimeoutStopSec=100ms", 0}, {"mixed", 0}, {"process", 3}} {
		t.Run(test.mode, func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, script(`cd `+dir+`; for how in "" setsid "setsid -f"; do $how sh -c 'echo $$ >$$.pid; exec sleep 1000' </dev/null >/dev/null 2>&1 & done
				while [ $(ls | wc -l) -lt 3 ]; do sleep 0.01; done; echo up; wait`, "KillMode="+test.mode))
			s.until("out x/0 up", 1)
			s.stop()
			if got := s.ended(); got != "" {
				t.Errorf("it ends with %q", got)
			}
			pids, err := filepath.Glob(filepath.Join(dir, "*.pid"))
			if err != nil || len(pids) != 3 {
				t.Fatalf("the files are %q, %v", pids, err)
			}
			left := 0
			for _, name := range pids {
				var pid int
				if _, err := fmt.Sscanf(filepath.Base(name), "%d.pid", &pid); err != nil {
					t.Fatal(err)
				}
				stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
				if _, _, dead := parseStat(string(stat)); err == nil && !dead {
					left++
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				}
			}
			if left != test.left {
				t.Errorf("%d processes are left, want %d", left, test.left)
			}
		})
	}
}

func TestNotifies(t *testing.T) {
	s := start(t, script("echo up; exec sleep 1000", ""))
	s.until("out x/0 up", 1)
	s.reload <- struct{}{}
	s.until("out x/0 up", 2)
	await(t, "the end of the reload", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.states) == 3
	})
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	if want := []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"}; !slices.Equal(s.states, want) {
		t.Errorf("it says %q, want %q", s.states, want)
	}
}

func TestLogs(t *testing.T) {
	dir := t.TempDir()
	s := start(t, script(`printf 'one\ntwo\0\377'; echo three >&2`, "Restart=no\nStandardOutput=append:"+dir+"/new/out-%i.log\nStandardError=null"))
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	if text, err := os.ReadFile(dir + "/new/out-0.log"); err != nil || string(text) != "one\ntwo\x00\xff\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	for _, want := range []string{"out x/0 one", "out x/0 two\x00\xff"} {
		if !slices.Contains(s.said(), want) {
			t.Errorf("the lines are %q, without %q", s.said(), want)
		}
	}

	s = start(t, script("echo one", "Restart=no\nStandardOutput=append:"+dir+"/new/out-0.log/out.log"))
	if got := s.ended(); got != "" {
		t.Errorf("without a folder it ends with %q", got)
	}
	s.until("out x/0 one", 1)
	s.until("process x/0 x@0.service: open log: open "+dir+"/new/out-0.log/out.log: not a directory; its lines go to the output alone", 1)
}

// A full disk is told of once, and costs no line of the output.
func TestFullDisk(t *testing.T) {
	s := start(t, script("echo one; echo two", "Restart=no\nStandardOutput=append:/dev/full"))
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	s.until("out x/0 two", 1)
	const told = "process x/0 x@0.service: write log: write /dev/full: no space left on device; its file lacks lines that the output has"
	lines := s.said()
	slices.Sort(lines)
	if want := []string{"out x/0 one", "out x/0 two", "process x/0 x@0.service has ended", told}; !slices.Equal(lines, want) {
		t.Errorf("the lines are %q, want %q", lines, want)
	}
}

// A flood without a newline is cut into lines, and nothing of it is lost or kept.
func TestNoNewline(t *testing.T) {
	const size = 5 << 20
	s := start(t, script(fmt.Sprintf(`head -c %d /dev/zero | tr "\0" x`, size), "Restart=no"))
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	sum := 0
	for _, line := range s.said() {
		if text, ok := strings.CutPrefix(line, "out x/0 "); ok {
			sum += len(text)
			if len(text) > MaxLine {
				t.Fatalf("a line has %d bytes", len(text))
			}
		}
	}
	if sum != size {
		t.Errorf("%d bytes came through, want %d", sum, size)
	}
}

// Who closes its streams goes on, and ends as any other.
func TestClosedStreams(t *testing.T) {
	s := start(t, script("echo up; exec >&- 2>&-; while :; do sleep 0.01; done", ""))
	s.until("out x/0 up", 1)
	s.is("x.target active/active", "x@0.service active/running")
	s.does(rollout.Restart, "x@0.service", "")
	s.until("out x/0 up", 2)
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// A reload that is asked for while everything ends keeps nothing from its end.
func TestReloadWhileItStops(t *testing.T) {
	s := start(t, script("trap 'sleep 0.2; exit 0' INT; echo up; while :; do sleep 0.01; done", ""))
	s.until("out x/0 up", 1)
	c := s.client()
	s.stop()
	s.is("x.target inactive/dead stop", "x@0.service deactivating/stop")
	if err := c.Do(t.Context(), systemd.Reload, "x-reload.service"); err != nil {
		t.Errorf("the reload ends with %v", err)
	}
	if err := c.Do(t.Context(), rollout.Start, "x.target"); err == nil {
		t.Error("an app is started while everything ends")
	}
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// Who the main process is, and which run it is, no file says.
func TestMainProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("MAINPID=1\nINVOCATION_ID=x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, script("echo main $$; exec sleep 1000", "EnvironmentFile="+file+"\nExecStartPre=/bin/sh -c \"echo before $${MAINPID-nobody}\"\nExecStartPost=/usr/bin/env"))
	s.is("x.target active/active", "x@0.service active/running")
	pids, _, err := s.client().Numbers(t.Context(), []string{"x@0.service"})
	if err != nil {
		t.Fatal(err)
	}
	main := fmt.Sprint(pids["x@0.service"])
	s.until("out x/0 before nobody", 1)
	s.until("out x/0 main "+main, 1)
	s.until("out x/0 MAINPID="+main, 1)
	for _, line := range s.said() {
		if line == "out x/0 MAINPID=1" || strings.Contains(line, "INVOCATION_ID=x") {
			t.Errorf("a command has %s", line)
		}
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	var got []string
	readLines(bytes.NewBufferString("a\n\n"+long+"y\nz"), func(text []byte) { got = append(got, string(text)) })
	if want := []string{"a", "", long, "y", "z"}; !slices.Equal(got, want) {
		t.Errorf("the lines are %d long, want %d", len(got), len(want))
	}
}

func TestRefuses(t *testing.T) {
	idle := script("true", "")
	idle[1].Text = "# of a test\ndisable x.target\n"
	for want, files := range map[string][]units.File{
		"there is no app to start (autostart: false)":                         idle,
		"read x@0.service: Service.RestartSec=: soon is no time":              script("true", "RestartSec=soon"),
		"read x@0.service: KillSignal=: SIGNONE is no signal":                 script("true", "KillSignal=SIGNONE"),
		"read x@.service: line 8 is neither a section nor a directive in one": script("true", "nonsense"),
	} {
		s := start(t, files)
		if got := s.ended(); got != want {
			t.Errorf("it ends with %q, want %q", got, want)
		}
	}
}
