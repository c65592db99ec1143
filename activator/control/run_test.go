package control

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// process is one of an ordinary user who has folders of its own for run-time
// files. The tests' own user owns them.
func process(t *testing.T) Process {
	t.Helper()
	p := Process{UID: os.Getuid(), Runtime: t.TempDir()}
	if p.UID == 0 {
		p.UID = 1000
		if err := os.Mkdir(filepath.Join(p.Runtime, "gopm"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(p.Runtime, "gopm"), p.UID, p.UID); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// runs are those in the process's own folder: the machine may have more.
func runs(p Process) []Manager {
	return slices.DeleteFunc(p.Runs(), func(m Manager) bool { return !strings.HasPrefix(m.Runtime, p.Runtime) })
}

func TestRun(t *testing.T) {
	p := process(t)
	first, err := p.NewRun()
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.NewRun()
	if err != nil {
		t.Fatal(err)
	}
	both := []Manager{first.Manager, second.Manager}
	slices.SortFunc(both, func(a, b Manager) int { return strings.Compare(a.Runtime, b.Runtime) })
	if got := runs(p); !slices.Equal(got, both) {
		t.Errorf("the runs are %v, not %v", got, both)
	}
	// As a kill leaves it.
	second.lock.Close()
	if got := runs(p); !slices.Equal(got, []Manager{first.Manager}) {
		t.Errorf("with one killed the runs are %v", got)
	}
	third, err := p.NewRun()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(second.Manager.Runtime); !os.IsNotExist(err) {
		t.Errorf("the folder of the killed one is still there: %v", err)
	}
	for _, run := range []*Run{first, third} {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := runs(p); len(got) > 0 {
		t.Errorf("in the end the runs are %v", got)
	}
}

func TestRunTrusts(t *testing.T) {
	dir := t.TempDir()
	own := Process{UID: os.Getuid()}
	tests := []struct {
		name string
		p    Process
		make func(at string) error
		want string // of the error, with @ for the folder
	}{
		{"own", own, func(at string) error { return os.Mkdir(at, 0o700) }, ""},
		{"another's", Process{UID: os.Getuid() + 1}, func(at string) error { return os.Mkdir(at, 0o755) }, "@ is not a folder of uid 1"},
		{"open", own, func(at string) error { return os.Mkdir(at, 0o755) }, "@ can be written to by others"},
		{"link", own, func(at string) error { return os.Symlink("/", at) }, "@ is not a folder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at := filepath.Join(dir, test.name)
			if err := test.make(at); err != nil {
				t.Fatal(err)
			}
			if test.name == "open" {
				if err := os.Chmod(at, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			got := ""
			if err := test.p.trusts(at); err != nil {
				got = err.Error()
			}
			if want := strings.ReplaceAll(test.want, "@", at); !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("trusts says %q, not %q", got, want)
			}
		})
	}
}

func TestRunBases(t *testing.T) {
	tests := []struct {
		p    Process
		want []string
	}{
		{Process{UID: 0, Runtime: "/home/eve"}, []string{"/run/gopm", "/tmp/gopm-0", "/dev/shm/gopm-0"}},
		{Process{UID: 7}, []string{"/run/gopm", "/tmp/gopm-7", "/dev/shm/gopm-7"}},
		{Process{UID: 7, Runtime: "/run/user/7"}, []string{"/run/user/7/gopm", "/run/gopm", "/tmp/gopm-7", "/dev/shm/gopm-7"}},
	}
	for _, test := range tests {
		if got := test.p.runBases(); !slices.Equal(got, test.want) {
			t.Errorf("%+v: the folders are %v, not %v", test.p, got, test.want)
		}
	}
}
