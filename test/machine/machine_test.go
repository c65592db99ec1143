package machine_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gopm/gopm/test/machine"
)

func boot(t *testing.T, o machine.Options) *machine.Machine {
	t.Helper()
	m, err := machine.Boot(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func run(t *testing.T, m *machine.Machine, name string, args ...string) string {
	t.Helper()
	out, err := m.Run(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBoot(t *testing.T) {
	for release, version := range map[string]string{"": "systemd ", "trixie": "systemd 257 "} {
		t.Run("release="+release, func(t *testing.T) {
			m := boot(t, machine.Options{Release: release})
			if got := run(t, m, "systemctl", "is-system-running"); got != "running" {
				t.Errorf("the system is %s:\n%s", got, run(t, m, "systemctl", "--failed"))
			}
			if got := run(t, m, "systemctl", "--version"); !strings.HasPrefix(got, version) {
				t.Errorf("systemctl --version says %q, want %q", got, version)
			}
			// systemd answers on D-Bus's system bus too.
			run(t, m, "busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer", "Ping")
		})
	}
}

func TestOptions(t *testing.T) {
	usr, folder := t.TempDir(), t.TempDir()
	write(t, usr+"/lib/fruit", "apple")
	write(t, folder+"/fruit", "pear")
	m := boot(t, machine.Options{
		Usr:    []string{usr},
		Copies: map[string]string{"/srv/copied": folder},
		Binds:  map[string]string{"/opt/bound": folder},
		Files:  map[string]string{"/etc/fruit": "plum"},
	})
	for name, want := range map[string]string{
		"/usr/lib/fruit":    "apple",
		"/srv/copied/fruit": "pear",
		"/opt/bound/fruit":  "pear",
		"/etc/fruit":        "plum",
	} {
		if got := run(t, m, "cat", name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

func TestRunError(t *testing.T) {
	m := boot(t, machine.Options{})
	_, err := m.Run(t.Context(), "cat", "/none")
	want := "run cat /none: exit status 1: cat: /none: No such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestUnits(t *testing.T) {
	m := boot(t, machine.Options{Files: map[string]string{
		"/etc/systemd/system/greet.socket":   "[Socket]\nListenStream=127.0.0.1:3000\nAccept=yes\n",
		"/etc/systemd/system/greet@.service": "[Service]\nExecStart=/usr/bin/echo hello\nStandardOutput=socket\n",
		"/etc/systemd/system/sleep@.service": "[Service]\nType=exec\nEnvironment=FRUIT=%i\nExecStart=/usr/bin/sleep infinity\n",
	}})
	run(t, m, "systemctl", "start", "greet.socket", "sleep@apple.service", "sleep@pear.service")

	conn, err := m.Dial(t.Context(), "tcp", "127.0.0.1:3000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello\n" {
		t.Errorf("the server says %q, %v, want %q", got, err, "hello\n")
	}

	processes, err := m.Processes("sleep@*.service")
	if err != nil {
		t.Fatal(err)
	}
	if len(processes) != 2 {
		t.Fatalf("%d processes sleep, want 2: %v", len(processes), processes)
	}
	for _, p := range processes {
		pid, err := m.MainPID(t.Context(), p.Unit)
		if err != nil {
			t.Fatal(err)
		}
		fruit := "FRUIT=" + strings.TrimSuffix(strings.TrimPrefix(p.Unit, "sleep@"), ".service")
		if p.PID != pid || p.Name != "sleep" || !strings.Contains(strings.Join(p.Env, " "), fruit) {
			t.Errorf("%s: got %v, want sleep with id %d and %s", p.Unit, p, pid, fruit)
		}
	}

	systemd, err := m.Systemd()
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	units, err := systemd.ListUnitsByPatternsContext(t.Context(), []string{"active"}, []string{"sleep@*.service"})
	if err != nil || len(units) != 2 {
		t.Errorf("systemd lists %v, %v, want two units", units, err)
	}

	if err := m.Kill(t.Context(), "sleep@pear.service", "KILL"); err != nil {
		t.Fatal(err)
	}
	// The journal is written after the signal; systemctl waits for neither.
	for {
		journal, err := m.Journal(t.Context(), "sleep@*.service")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(journal, "sleep@pear.service: Main process exited, code=killed, status=9/KILL") {
			break
		}
	}
}

func TestTwoMachines(t *testing.T) {
	files := map[string]string{
		"/etc/systemd/system/sleep.service": "[Service]\nType=exec\nExecStart=/usr/bin/sleep infinity\n",
	}
	one, other := boot(t, machine.Options{Files: files}), boot(t, machine.Options{Files: files})
	run(t, one, "systemctl", "start", "sleep.service")
	run(t, other, "systemctl", "start", "sleep.service")
	run(t, one, "systemctl", "stop", "sleep.service")
	run(t, other, "systemctl", "is-active", "sleep.service")
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A process that is killed leaves a folder behind, and its machine ends.
func TestLeftovers(t *testing.T) {
	if os.Getenv("LEAVE_A_MACHINE") != "" {
		m := boot(t, machine.Options{})
		run(t, m, "true")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	temp := t.TempDir()
	again := exec.Command(os.Args[0], "-test.run=^TestLeftovers$")
	again.Env = append(os.Environ(), "LEAVE_A_MACHINE=yes", "TMPDIR="+temp)
	if err := again.Run(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the process ended with %v, want signal: killed", err)
	}
	if left, err := filepath.Glob(temp + "/gopm-machine-*"); err != nil || len(left) != 1 {
		t.Fatalf("got %v, %v, want one folder left", left, err)
	}
	t.Setenv("TMPDIR", temp)
	m := boot(t, machine.Options{})
	left, err := filepath.Glob(temp + "/gopm-machine-*")
	if err != nil || len(left) != 1 {
		t.Errorf("got %v, %v, want the new machine's folder", left, err)
	}
	run(t, m, "true")
}
