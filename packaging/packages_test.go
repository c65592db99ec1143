// Package packaging_test tells whether gopm's packages are what their users
// take them for.
package packaging_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	// In the order in which Debian and rpm sort them.
	tests := []struct{ described, want string }{
		{"4981fa5-dirty", "0~git134.4981fa5.dirty"},
		{"v1.2.3-rc1-0-g4981fa5", "1.2.3~rc1"},
		{"v1.2.3-rc1-4-g4981fa5", "1.2.3~rc1+git4.4981fa5"},
		{"v1.2.3-0-g4981fa5", "1.2.3"},
		{"v1.2.3-0-g4981fa5-dirty", "1.2.3+dirty"},
		{"v1.2.3-4-g4981fa5", "1.2.3+git4.4981fa5"},
		{"v1.2.3-4-g4981fa5-dirty", "1.2.3+git4.4981fa5.dirty"},
		{"v1.2.4-0-g4981fa5", "1.2.4"},
	}
	earlier := "0~"
	for _, test := range tests {
		got := run(t, "./version", test.described, "134")
		if got != test.want {
			t.Errorf("version %s: %s, want %s", test.described, got, test.want)
		}
		run(t, "dpkg", "--compare-versions", earlier, "lt", got)
		if order := run(t, "rpm", "--eval", `%{lua: print(rpm.vercmp("`+earlier+`", "`+got+`"))}`); order != "-1" {
			t.Errorf("rpm compares %s with %s: %s, want -1", earlier, got, order)
		}
		earlier = got
	}
}

// TestReproducible builds all packages of one architecture twice.
func TestReproducible(t *testing.T) {
	var builds [2]string
	for i := range builds {
		builds[i] = t.TempDir()
		run(t, "./build", builds[i])
	}
	names, err := filepath.Glob(filepath.Join(builds[0], "*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("find packages: %v, %d found", err, len(names))
	}
	for _, name := range names {
		again := filepath.Join(builds[1], filepath.Base(name))
		if !bytes.Equal(read(t, name), read(t, again)) {
			t.Errorf("%s differs when it is built again", filepath.Base(name))
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "ARCHITECTURES=amd64")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("run %s: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
