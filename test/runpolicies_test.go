package test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// foreground is gopm run on this host, with what it prints.
type foreground struct {
	t       *testing.T
	command *exec.Cmd
	errs    strings.Builder

	mu    sync.Mutex
	lines []string // such as "out web/0 text"
	read  chan struct{}
}

// inForeground runs the apps of testdata/run.
func inForeground(t *testing.T, env ...string) *foreground {
	t.Helper()
	f := &foreground{t: t, read: make(chan struct{})}
	f.command = exec.CommandContext(t.Context(), stage.Program("gopm"), "run", "--json", "--env", "production", "testdata/run/ecosystem.config.js")
	f.command.Env = append(os.Environ(), env...)
	f.command.Stderr = &f.errs
	out, err := f.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.read)
		for in := bufio.NewScanner(out); in.Scan(); {
			var line struct {
				Message, Timestamp, Type string
				ProcessID                *int   `json:"process_id"`
				AppName                  string `json:"app_name"`
			}
			err := json.Unmarshal(in.Bytes(), &line)
			if _, timeErr := time.Parse(time.RFC3339, line.Timestamp); err != nil || timeErr != nil {
				t.Errorf("it prints %s: %v", in.Text(), errors.Join(err, timeErr))
			}
			whose := line.AppName
			if line.ProcessID != nil {
				whose += fmt.Sprintf("/%d", *line.ProcessID)
			}
			f.mu.Lock()
			f.lines = append(f.lines, line.Type+" "+whose+" "+line.Message)
			f.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(f.said(), "\n"), f.errs.String())
		}
	})
	return f
}

func (f *foreground) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines...)
}

// until waits until so many lines begin like this.
func (f *foreground) until(line string, times int) {
	f.t.Helper()
	scenario{t: f.t}.eventually(fmt.Sprintf("it prints %d times %q", times, line), func() bool {
		n := 0
		for _, l := range f.said() {
			if strings.HasPrefix(l, line) {
				n++
			}
		}
		return n >= times
	})
}

// told is what a service manager hears, as sd_notify(3) sends it.
func told(t *testing.T) (address string, states func() []string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// What nobody has read yet waits in the socket.
	return conn.LocalAddr().String(), func() []string {
		var all []string
		for buf := make([]byte, 4096); ; {
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			n, err := conn.Read(buf)
			if err != nil {
				return all
			}
			all = append(all, strings.Split(string(buf[:n]), "\n")...)
		}
	}
}

func TestRunPolicies(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	watched := t.TempDir()
	manager, states := told(t)
	f := inForeground(t, fmt.Sprintf("WEB_PORT=%d", port), "WATCHED="+watched, "NOTIFY_SOCKET="+manager)

	f.until("out web/0 web listens", 1)
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	f.until("process web watch: changes are seen from now on", 1)
	if err := os.WriteFile(filepath.Join(watched, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.until("process web watch: x changed: done", 1)
	f.until("out web/0 web listens", 2)

	// At its start, and by its timer.
	f.until("out tick/0 tick in production", 3)
	f.until("process tick tick: it is time for its cron_restart", 2)
	f.until("process polite/0 polite@0.service is ready", 1)
	f.until("err loop/0 loop ends", 3)
	f.until("process loop/0 loop@0.service exited with status 2; it is started again in 100ms", 3)
	f.until("process loop/0 loop@0.service has failed, and is not started again: started 3 times within ", 1)
	f.until("out final/0 final ends", 1)
	f.until("process final/0 final-app@0.service has ended", 1)

	said := states()
	if !slices.Contains(said, "READY=1") || !slices.ContainsFunc(said, func(s string) bool {
		return strings.HasPrefix(s, "STATUS=") && strings.Contains(s, "web: 1 of 1 instances ready")
	}) {
		t.Errorf("its service manager was told %q", said)
	}

	if err := f.command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-f.read
	f.until("out polite/0 told shutdown", 1)
	if said := states(); !slices.Contains(said, "STOPPING=1") {
		t.Errorf("at its end its service manager was told %q", said)
	}
	err = f.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ends with %v, want exit code 1: an app has failed", err)
	}
	if said := f.errs.String(); !strings.HasPrefix(said, "gopm: error: failed: loop@0.service (started 3 times within ") {
		t.Errorf("standard error has %q", said)
	}
}
