// Package packaging_test tells whether gopm's packages are what their users
// take them for.
package packaging_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestReproducible builds all packages twice, the second time of a copy of the
// checkout in another folder, as another user would.
func TestReproducible(t *testing.T) {
	first, second, copied := t.TempDir(), t.TempDir(), t.TempDir()
	run(t, "./build", first)
	run(t, "sh", "-c", `cd .. && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory="$0"`, copied)
	run(t, "sh", "-c", `umask 077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 exec "$0" "$1"`, filepath.Join(copied, "packaging/build"), second)
	names, err := filepath.Glob(filepath.Join(first, "*"))
	if want := 2*len(architectures) + 2; err != nil || len(names) != want {
		t.Fatalf("find packages: %v, %q found, want %d", err, names, want)
	}
	for _, name := range names {
		again := filepath.Join(second, filepath.Base(name))
		if !bytes.Equal(read(t, name), read(t, again)) {
			t.Errorf("%s differs when it is built again", filepath.Base(name))
		}
	}
	for _, arch := range architectures {
		contents(t, filepath.Join(first, "gopm_1.0.0_"+arch.deb+".deb"), filepath.Join(first, "gopm-1.0.0-1."+arch.rpm+".rpm"), arch.elf)
	}
}

// architectures are those that are built for: dpkg's name, rpm's, and what file(1)
// says of a program.
var architectures = []struct{ deb, rpm, elf string }{
	{"amd64", "x86_64", "x86-64"},
	{"arm64", "aarch64", "ARM aarch64"},
}

// contents checks that gopm's packages have all of this checkout that a machine
// needs, where a distribution has it, and programs for its architecture.
func contents(t *testing.T, deb, rpm, elf string) {
	t.Helper()
	inDeb := strings.Fields(run(t, "sh", "-c", `dpkg-deb --fsys-tarfile "$0" | tar --list | sed 's/^\.//'`, deb))
	inRPM := strings.Fields(run(t, "rpm", "--query", "--package", "--list", rpm))
	for _, place := range []struct{ files, deb, rpm, suffix string }{
		{"../cmd/*", "/usr/bin/", "/usr/bin/", ""},
		{"../activator/agent/*.cjs", "/usr/lib/gopm/", "/usr/lib/gopm/", ""},
		{"scripts/app-package", "/usr/lib/gopm/", "/usr/lib/gopm/", ""},
		{"../units/*.service", "/usr/lib/systemd/system/", "/usr/lib/systemd/system/", ""},
		{"../units/*.socket", "/usr/lib/systemd/system/", "/usr/lib/systemd/system/", ""},
		{"../units/user/*", "/usr/lib/systemd/user/", "/usr/lib/systemd/user/", ""},
		{"man/*.1", "/usr/share/man/man1/", "/usr/share/man/man1/", ".gz"},
		{"man/*.5", "/usr/share/man/man5/", "/usr/share/man/man5/", ".gz"},
		{"man/*.8", "/usr/share/man/man8/", "/usr/share/man/man8/", ".gz"},
		{"completions/_*", "/usr/share/zsh/vendor-completions/", "/usr/share/zsh/site-functions/", ""},
		{"completions/*.fish", "/usr/share/fish/vendor_completions.d/", "/usr/share/fish/vendor_completions.d/", ""},
		{"completions/*.bash", "/usr/share/bash-completion/completions/", "/usr/share/bash-completion/completions/", ""},
	} {
		names, err := filepath.Glob(place.files)
		if err != nil || len(names) == 0 {
			t.Fatalf("find %s: %v, %d found", place.files, err, len(names))
		}
		for _, name := range names {
			name = strings.TrimSuffix(filepath.Base(name), ".bash") + place.suffix
			if !slices.Contains(inDeb, place.deb+name) {
				t.Errorf("%s has no %s%s", filepath.Base(deb), place.deb, name)
			}
			if !slices.Contains(inRPM, place.rpm+name) {
				t.Errorf("%s has no %s%s", filepath.Base(rpm), place.rpm, name)
			}
		}
	}
	for _, name := range []string{"/usr/lib/systemd/system-generators/gopm-generator", "/usr/share/doc/gopm/copyright", "/usr/share/doc/gopm/changelog.gz"} {
		if !slices.Contains(inDeb, name) {
			t.Errorf("%s has no %s", filepath.Base(deb), name)
		}
	}
	for _, name := range []string{"/usr/lib/systemd/system-generators/gopm-generator", "/usr/share/doc/gopm/LICENCES"} {
		if !slices.Contains(inRPM, name) {
			t.Errorf("%s has no %s", filepath.Base(rpm), name)
		}
	}
	unpacked := t.TempDir()
	run(t, "dpkg-deb", "--extract", deb, unpacked)
	if out := run(t, "sh", "-c", `file --brief "$0"/usr/bin/*`, unpacked); strings.Count(out, elf) != strings.Count(out, "\n")+1 {
		t.Errorf("%s has programs for another architecture:\n%s", filepath.Base(deb), out)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PACKAGE_VERSION=1.0.0", "SOURCE_DATE_EPOCH=1700000000")
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
