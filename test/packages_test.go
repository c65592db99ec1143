package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
	"github.com/gopm/gopm/test/packages"
	"github.com/gopm/gopm/test/site"
)

// built is the folder of all packages, which are built once.
var built = sync.OnceValues(func() (string, error) {
	work, err := stage.Folder("packages")
	if err != nil {
		return "", err
	}
	dist := filepath.Join(work, "dist")
	repository, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	return dist, packages.Build(context.Background(), repository, work, dist)
})

// packaged is a scenario whose gopm and app come from packages.
type packaged struct {
	scenario
	by manager
}

// manager is a package manager. Its methods return what it prints.
type manager interface {
	prepare(m *machine.Machine, ctx context.Context) error
	install(m *machine.Machine, ctx context.Context, name, version string) (string, error)
	// remove removes a package and all that the manager ever removes of it.
	remove(m *machine.Machine, ctx context.Context, name string) (string, error)
	// fails tells whether an error is one that a failed scriptlet makes.
	fails(err error) bool
	// left is what a removal leaves that no policy asks to remove.
	left() []string
}

// apt is Debian's.
type apt struct{}

// rpm is that of Fedora, RHEL and SUSE.
type rpm struct{}

// prepare tells rpm what Debian's packages have installed.
func (rpm) prepare(m *machine.Machine, ctx context.Context) error {
	_, err := shell(m, ctx, "rpm --install /packages/debian-*.rpm")
	return err
}

func (rpm) install(m *machine.Machine, ctx context.Context, name, version string) (string, error) {
	return shell(m, ctx, "rpm --upgrade --oldpackage /packages/"+name+"-"+version+"-1.*.rpm")
}

func (rpm) remove(m *machine.Machine, ctx context.Context, name string) (string, error) {
	return shell(m, ctx, "rpm --erase "+name)
}

// fails: rpm only warns of a scriptlet that failed.
func (rpm) fails(error) bool { return true }

// left is what rpm leaves: it has no purge. The shells' folders belong to a
// package that Debian does not have, filesystem.
func (rpm) left() []string {
	return []string{"/etc/default/my-api", "/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/zsh/site-functions",
		"/var/log/my-api", "/var/log/my-api/error.log", "/var/log/my-api/out.log"}
}

func (apt) prepare(*machine.Machine, context.Context) error { return nil }

func (apt) install(m *machine.Machine, ctx context.Context, name, version string) (string, error) {
	return shell(m, ctx, "apt-get install --yes --allow-downgrades -o Dpkg::Options::=--force-confold /packages/"+name+"_"+version+"_*.deb")
}

func (apt) remove(m *machine.Machine, ctx context.Context, name string) (string, error) {
	return shell(m, ctx, "dpkg --remove "+name+" && dpkg --purge "+name)
}

func (apt) fails(err error) bool { return err != nil }

func (apt) left() []string { return nil }

// shell runs a command line in the machine and returns all that it prints.
func shell(m *machine.Machine, ctx context.Context, line string) (string, error) {
	out, err := m.Run(ctx, "sh", "-c", "exec 2>&1; export DEBIAN_FRONTEND=noninteractive; "+line)
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return out, err
}

func TestPackagesOfDebian12(t *testing.T) { lifeOfAPackage(t, "bookworm", apt{}) }

func TestPackagesOfDebian13(t *testing.T) { lifeOfAPackage(t, "trixie", apt{}) }

// TestPackagesOfRPM has rpm's database and Debian's programs: their names are
// provided by a package of the test's.
func TestPackagesOfRPM(t *testing.T) { lifeOfAPackage(t, "bookworm", rpm{}) }

// lifeOfAPackage is what packaging/README.md promises, in its order.
func lifeOfAPackage(t *testing.T, release string, manager manager) {
	s := bootForPackages(t, release, manager)
	before := s.files()
	s.must(manager.prepare(s.Machine, t.Context()))
	s.installed("gopm", packages.Gopm)
	s.installed("my-api", "1.0.0")
	s.answers("world")

	// What an administrator changes, an upgrade leaves alone.
	s.must(s.WriteFile("/etc/systemd/system/"+site.Activator+".d/override.conf", "[Service]\nEnvironment=GOPM_INSTANCES=4\n"))
	s.must(s.WriteFile("/etc/default/my-api", "NODE_ENV=staging\n"))

	old := s.pids()
	r := s.under(load.KeepAlive, func() { s.installed("my-api", "1.1.0") })
	s.lossless(r)
	s.answers("world of 1.1")
	s.replaced(old)
	s.environment("NODE_ENV=staging")

	// A release that throws: apt fails and says why, and nobody else notices.
	old = s.pids()
	r = s.under(load.PerRequest, func() {
		out, err := s.by.install(s.Machine, t.Context(), "my-api", "1.2.0")
		if !manager.fails(err) {
			t.Errorf("the install of a release that throws succeeds:\n%s", out)
		}
		for _, want := range []string{
			"Error: the database has moved",
			"my-api: was not replaced: what ran before runs on, with the code that it had.",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("the install of a release that throws says nothing of %q:\n%s", want, out)
			}
		}
		t.Logf("install of a release that throws:\n%s", out)
	})
	s.lossless(r)
	if now := s.pids(); !maps.Equal(now, old) {
		t.Errorf("workers are %v after a release that throws, want the old ones %v", now, old)
	}
	s.answers("world of 1.1")

	r = s.under(load.KeepAlive, func() { s.installed("my-api", "1.0.0") })
	s.lossless(r)
	s.answers("world")
	s.replaced(old)
	s.environment("NODE_ENV=staging")

	old = s.pids()
	activator, err := s.MainPID(t.Context(), site.Activator)
	s.must(err)
	r = s.under(load.PerRequest, func() { s.installed("gopm", packages.GopmNew) })
	s.lossless(r)
	if now := s.pids(); !maps.Equal(now, old) {
		t.Errorf("workers are %v after an upgrade of gopm, want the old ones %v", now, old)
	}
	if now, err := s.MainPID(t.Context(), site.Activator); err != nil || now == activator || now == 0 {
		t.Errorf("the activator is %d (%v) after an upgrade of gopm, and was %d", now, err, activator)
	}

	if out, err := s.by.remove(s.Machine, t.Context(), "gopm"); err == nil || !strings.Contains(out, "my-api") {
		t.Errorf("gopm goes, and an app needs it: %v\n%s", err, out)
	}
	s.gone("my-api")
	s.nothingLeft(before)
}

// bootForPackages boots a clean machine that packages can be installed on.
func bootForPackages(t *testing.T, release string, manager manager) packaged {
	t.Helper()
	dist, err := built()
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.Boot(t.Context(), machine.Options{
		Release: release, Packages: []string{"nodejs", "rpm"}, Writable: true,
		Binds: map[string]string{"/packages": dist},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := packaged{scenario{&site.Site{Machine: m}, t}, manager}
	t.Cleanup(func() {
		if t.Failed() {
			s.dump()
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// installed installs a package, or another version of it.
func (s packaged) installed(name, version string) {
	s.t.Helper()
	out, err := s.by.install(s.Machine, s.t.Context(), name, version)
	if err != nil {
		s.t.Fatalf("install %s %s: %v", name, version, err)
	}
	s.t.Logf("install %s %s:\n%s", name, version, out)
}

// answers checks what the app says.
func (s packaged) answers(hello string) {
	s.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
	response, err := client.Get("http://" + site.Address + "/api/v1/hello")
	s.must(err)
	defer response.Body.Close()
	var answer struct{ Hello string }
	s.must(json.NewDecoder(response.Body).Decode(&answer))
	if answer.Hello != hello {
		s.t.Errorf("the app answers %q, want %q", answer.Hello, hello)
	}
}

// environment checks that every worker has a variable.
func (s packaged) environment(pair string) {
	s.t.Helper()
	processes, err := s.Processes(site.Workers)
	s.must(err)
	for _, p := range processes {
		if p.Name == "node" && !slices.Contains(p.Env, pair) {
			s.t.Errorf("%s has no %s", p.Unit, pair)
		}
	}
}

// gone removes the app, and checks that nothing of it runs.
func (s packaged) gone(name string) {
	s.t.Helper()
	_, err := s.by.remove(s.Machine, s.t.Context(), name)
	s.must(err)
	refuses, err := s.Refuses(s.t.Context())
	s.must(err)
	if !refuses {
		s.t.Error("somebody listens on the port of an app that was removed")
	}
	processes, err := s.Processes("*my-api*")
	s.must(err)
	if len(processes) > 0 {
		s.t.Errorf("processes of an app that was removed: %v", processes)
	}
	for unit := range strings.Lines(s.systemctl("list-units", "--all", "--plain", "--no-legend", "*my-api*")) {
		// One that others name is listed for a while.
		if !strings.Contains(unit, " not-found ") {
			s.t.Errorf("a unit of an app that was removed: %s", unit)
		}
	}
}

// files lists the files of the machine that are on a disk, but for those that
// every package manager writes for itself.
func (s packaged) files() []string {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "sh", "-c", `find / /usr -xdev \( -path /dev -o -path /proc -o -path /run -o -path /sys -o -path /tmp `+
		`-o -path /packages -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/lib/rpm -o -path /root -o -path '/var/log/apt*' `+
		`-o -path '/var/log/dpkg.log' -o -path /var/log/journal -o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print | sort -u`)
	s.must(err)
	return strings.Split(out, "\n")
}

// nothingLeft removes gopm too, and checks that all files are those of before,
// but for what policy leaves.
func (s packaged) nothingLeft(before []string) {
	s.t.Helper()
	_, err := s.by.remove(s.Machine, s.t.Context(), "gopm")
	s.must(err)
	var left []string
	for _, name := range s.files() {
		if !slices.Contains(before, name) {
			left = append(left, name)
		}
	}
	// The administrator's own.
	want := append(s.by.left(), "/etc/systemd/system/"+site.Activator+".d", "/etc/systemd/system/"+site.Activator+".d/override.conf")
	slices.Sort(want)
	if !slices.Equal(left, want) {
		s.t.Errorf("left are %q, want %q", left, want)
	}
}
