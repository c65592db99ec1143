package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// asMain makes the test binary be gopm-gen itself. With asRoot its file system
// is a folder, and the kernel's log a file in it. With bootLimit a boot has
// so much time for all files: a machine that is busy with tests is slow.
const (
	asMain    = "GOPM_GEN_TEST_AS_MAIN"
	asRoot    = "GOPM_GEN_TEST_ROOT"
	bootLimit = "GOPM_GEN_TEST_BOOT_LIMIT"
)

func TestMain(m *testing.M) {
	if os.Getenv(asMain) == "" {
		os.Exit(m.Run())
	}
	c := process()
	if root := os.Getenv(asRoot); root != "" {
		c.host.Files = os.DirFS(root)
		c.kernel = func(line string) {
			f, err := os.OpenFile(filepath.Join(root, "kmsg"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
			if err != nil {
				panic(err)
			}
			_, _ = f.WriteString(line + "\n")
			_ = f.Close()
		}
	}
	if limit, err := time.ParseDuration(os.Getenv(bootLimit)); err == nil {
		c.limits = bootLimits{file: min(limit, bootFile), all: limit}
	}
	os.Exit(c.main(os.Args))
}

// gopmGen runs the real program in dir.
func gopmGen(t *testing.T, dir string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asMain+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestProgramConverts(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ecosystem.config.js"), []byte("console.log('hello'); module.exports = { apps: [{ name: 'gopm-gen-test', script: 'a.js' }] }"))
	stdout, stderr, exit := gopmGen(t, dir, "--app-root", "/srv/app")
	want := `gopm-gen-test: gopm-gen-test.target, fork mode, 1 instance
  gopm-units/usr/lib/systemd/system/gopm-gen-test.target
  gopm-units/usr/lib/systemd/system/gopm-gen-test@.service
  gopm-units/usr/lib/systemd/system/gopm-gen-test-reload.service
  gopm-units/usr/lib/systemd/system-preset/80-gopm-gopm-gen-test.preset
  gopm-units/usr/lib/sysusers.d/gopm-gopm-gen-test.conf

all apps:
  differently:
    environment: an app has the variables of the file alone; PM2 adds those of the shell that starts it
    sandbox: an app has a /tmp of its own, and writes nothing below /usr, /boot and /etc; gopm: { hardening: … } changes that
    user: an app runs as a system account named like its units, unless user names another; PM2's run as whoever starts it

next:
  sudo cp -r gopm-units/usr /
  sudo systemd-sysusers gopm-gopm-gen-test.conf
  sudo systemctl daemon-reload
  sudo systemctl enable --now gopm-gen-test.target
`
	if exit != exitOK || stdout != want || stderr != "hello\n" {
		t.Errorf("exit code %d\n%s\nwant\n%s\nstandard error: %s", exit, stdout, want, stderr)
	}
	if files := walk(t, dir); len(files) != 6 {
		t.Errorf("%d files, want the config and 5 more", len(files))
	}
	// The units that it wrote are no hindrance to writing them again.
	if _, stderr, exit := gopmGen(t, dir); exit != exitOK {
		t.Errorf("exit code %d at the second time: %s", exit, stderr)
	}
}

// TestProgramEnds: an endless loop is over when it has computed for 2 s, which takes
// longer on a machine that is busy with other tests.
func TestProgramEnds(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ecosystem.config.js"), []byte("let n = 0\nwhile (true) { n++ }\n"))
	begin := time.Now()
	_, _, exit := gopmGen(t, dir)
	took := time.Since(begin)
	if exit != exitInput || took < 2*time.Second || took > 30*time.Second {
		t.Errorf("exit code %d after %v, want 1 after 2 s", exit, took)
	}
	if files := walk(t, dir); len(files) != 1 {
		t.Errorf("%d files, want the config alone", len(files))
	}
}

func TestProgramReportsUsage(t *testing.T) {
	_, stderr, exit := gopmGen(t, t.TempDir(), "--listen")
	want := "gopm-gen: error: flag needs an argument: --listen\nhint: see gopm-gen --help\n"
	if exit != exitUsage || stderr != want {
		t.Errorf("exit code %d, %q; want 2, %q", exit, stderr, want)
	}
}
