package test

import (
	"context"
	"fmt"
	"maps"
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

// manager is what a package manager has of its own.
type manager struct {
	section string // of the guide
	way     string // how the example's packages were built
	suffix  string // of the file of version 1.0.0 of the app shop
	prepare string // a line of the shell
	version string // what prints the version of a package
	remove  string // what removes a package and all that the manager ever removes of it
	install string // what installs a file
	fails   bool   // whether it fails where a maintainer script does
	purges  bool
	kept    []string // what the guide's remove keeps
	logs    []string // what is never removed
	left    []string // what else is left of gopm and the example
}

// apt is Debian's. What it keeps after a removal is configuration and state, as
// Debian's policy has it (6.8).
var apt = manager{
	section: "On a machine with apt",
	way:     packages.Debhelper,
	suffix:  "_1.0.0_all.deb",
	// An administrator says yes, and keeps what he changed.
	prepare: `printf 'APT::Get::Assume-Yes "true";\nDpkg::Options "--force-confold";\n' >/etc/apt/apt.conf.d/test; echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/test`,
	version: "dpkg-query --show --showformat '${Version}' ",
	remove:  "dpkg --purge ",
	install: "apt-get install ",
	fails:   true,
	purges:  true,
	kept: []string{"/etc/default/my-api", "/etc/logrotate.d/gopm-my-api", "/etc/systemd/system/multi-user.target.wants/my-api.target",
		"/etc/systemd/system/sockets.target.wants/my-api.socket", "/var/log/my-api", "/var/log/my-api/error.log", "/var/log/my-api/out.log"},
	left: []string{"/etc/apt/apt.conf.d/test", "/etc/dpkg/dpkg.cfg.d/test"},
}

// rpm is that of Fedora, RHEL and SUSE. It only warns of a scriptlet that failed,
// and has no purge. The shells' folders belong to a package that Debian does not
// have, filesystem.
var rpm = manager{
	section: "On a machine with rpm",
	way:     packages.RPM,
	suffix:  "-1.0.0-1.noarch.rpm",
	prepare: "rpm --install /packages/rpmbuild/debian-*.rpm",
	version: "rpm --query --queryformat '%{version}' ",
	remove:  "rpm --erase ",
	install: "rpm --upgrade ",
	kept:    []string{"/etc/default/my-api", "/var/log/my-api", "/var/log/my-api/error.log", "/var/log/my-api/out.log"},
	logs:    []string{"/var/log/my-api", "/var/log/my-api/error.log", "/var/log/my-api/out.log"},
	left:    []string{"/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/zsh/site-functions"},
}

// packaged is a scenario whose gopm and apps come from packages.
type packaged struct {
	scenario
	by     manager
	guide  packages.Guide
	typed  map[string]bool // steps of the guide
	before []string        // the files of the clean machine
}

func TestPackagesOfDebian12(t *testing.T) {
	s := bootForPackages(t, "bookworm", apt)
	s.life()
	s.upgradesGopmForUsers()
	s.otherApps()
	s.nothingLeft()
}

func TestPackagesOfDebian13(t *testing.T) {
	s := bootForPackages(t, "trixie", apt)
	s.life()
	s.otherWay()
	s.nothingLeft()
}

// TestPackagesOfRPM has rpm's database and Debian's programs: their names are
// provided by a package of the test's.
func TestPackagesOfRPM(t *testing.T) {
	s := bootForPackages(t, "bookworm", rpm)
	s.life()
	s.otherApps()
	s.otherWay()
	s.nothingLeft()
}

// life is what packaging/README.md promises of the example app, in its order.
func (s packaged) life() {
	s.types("install")
	s.answers("world", "1.0.0")
	// What an administrator changes, an upgrade leaves alone.
	s.must(s.WriteFile("/etc/systemd/system/"+site.Activator+".d/override.conf", "[Service]\nEnvironment=GOPM_INSTANCES=4\n"))
	s.must(s.WriteFile("/etc/default/my-api", "NODE_ENV=staging\n"))

	s.upgrades("upgrade", "world of 1.1", "1.1.0")
	s.broken()
	s.upgrades("downgrade", "world", "1.0.0")
	s.upgradesGopm()

	if out, err := s.shell(s.by.remove + "gopm"); err == nil || !strings.Contains(out, "my-api") {
		s.t.Errorf("gopm goes, and an app needs it: %v\n%s", err, out)
	}
	s.types("remove")
	s.gone("my-api", s.by.kept)
	if s.by.purges {
		s.types("purge")
		s.gone("my-api", nil)
	}
	for _, c := range s.guide[s.by.section] {
		if !s.typed[c.Note] {
			s.t.Errorf("nobody has tried what the guide says: %s", c.Line)
		}
	}
}

// upgrades installs another version under load, and checks that it serves.
func (s packaged) upgrades(step, hello, version string) {
	s.t.Helper()
	old := s.pids()
	s.lossless(s.under(load.KeepAlive, func() { s.types(step) }))
	s.answers(hello, version)
	s.replaced(old)
	processes, err := s.Processes(site.Workers)
	s.must(err)
	for _, p := range processes {
		if p.Name == "node" && !slices.Contains(p.Env, "NODE_ENV=staging") {
			s.t.Errorf("%s has lost what is in /etc/default/my-api", p.Unit)
		}
	}
}

// broken installs a release that throws: the manager says why, and no caller
// notices.
func (s packaged) broken() {
	old := s.pids()
	s.lossless(s.under(load.PerRequest, func() {
		out, err := s.run("broken")
		if s.by.fails && err == nil {
			s.t.Error("the install of a release that throws succeeds")
		}
		for _, want := range []string{
			"Error: the database has moved",
			"my-api: was not replaced: what ran before runs on, with the code that it had.",
		} {
			if !strings.Contains(out, want) {
				s.t.Errorf("the install of a release that throws says nothing of %q:\n%s", want, out)
			}
		}
	}))
	if now := s.pids(); !maps.Equal(now, old) {
		s.t.Errorf("workers are %v after a release that throws, want the old ones %v", now, old)
	}
	s.answers("world of 1.1", "1.2.0")
}

// upgradesGopm installs another version of gopm under load.
func (s packaged) upgradesGopm() {
	old := s.pids()
	activator, err := s.MainPID(s.t.Context(), site.Activator)
	s.must(err)
	s.lossless(s.under(load.PerRequest, func() { s.types("gopm itself") }))
	if now := s.pids(); !maps.Equal(now, old) {
		s.t.Errorf("workers are %v after an upgrade of gopm, want the old ones %v", now, old)
	}
	if now, err := s.MainPID(s.t.Context(), site.Activator); err != nil || now == activator || now == 0 {
		s.t.Errorf("the activator is %d (%v) after an upgrade of gopm, and was %d", now, err, activator)
	}
}

// otherWay has nfpm's packages of the example live a short life.
func (s packaged) otherWay() {
	if out, err := s.shell("rm -f /etc/default/my-api"); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	name := "/packages/nfpm/my-api" + s.by.suffix
	s.installs(name)
	s.answers("world", "1.0.0")
	old := s.pids()
	s.lossless(s.under(load.KeepAlive, func() { s.installs(strings.ReplaceAll(name, "1.0.0", "1.1.0")) }))
	s.answers("world of 1.1", "1.1.0")
	s.replaced(old)
	s.removes("my-api")
	s.gone("my-api", s.by.logs)
}

// bootForPackages boots a clean machine that packages can be installed on.
func bootForPackages(t *testing.T, release string, by manager) packaged {
	t.Helper()
	dist, err := built()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := packages.ReadGuide("../packaging/README.md")
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.Boot(t.Context(), machine.Options{
		Release: release, Writable: true,
		Binds: map[string]string{"/packages": dist},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := packaged{scenario: scenario{&site.Site{Machine: m}, t}, by: by, guide: guide, typed: map[string]bool{}}
	t.Cleanup(func() {
		if t.Failed() {
			s.dump()
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	s.before = s.files()
	out, err := s.shell(by.prepare)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

// shell runs a line in the machine, where the packages are, and returns all that it
// prints.
func (s packaged) shell(line string) (string, error) {
	return s.Run(s.t.Context(), "sh", "-c", fmt.Sprintf("exec 2>&1; export DEBIAN_FRONTEND=noninteractive; sudo() { \"$@\"; }; cd /packages/%s; %s", s.by.way, line))
}

// run runs the line of the guide for a step.
func (s packaged) run(step string) (string, error) {
	s.t.Helper()
	line, err := s.guide.Find(s.by.section, step)
	s.must(err)
	s.typed[step] = true
	out, err := s.shell(line)
	s.t.Logf("%s\n%s", line, out)
	return out, err
}

// types runs the line of the guide for a step, which succeeds.
func (s packaged) types(step string) {
	s.t.Helper()
	if out, err := s.run(step); err != nil {
		s.t.Fatalf("%s: %v\n%s", step, err, out)
	}
}

// installs installs a file.
func (s packaged) installs(name string) {
	s.t.Helper()
	if out, err := s.shell(s.by.install + name); err != nil {
		s.t.Fatalf("install %s: %v\n%s", name, err, out)
	}
}

// removes removes all of a package.
func (s packaged) removes(name string) {
	s.t.Helper()
	if out, err := s.shell(s.by.remove + name); err != nil {
		s.t.Fatalf("remove %s: %v\n%s", name, err, out)
	}
}
