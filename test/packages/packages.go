// Package packages builds gopm's packages and those of the example app, as
// packaging/README.md tells a packager to.
package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The versions that are built. An upgrade of gopm is the same programs again.
const (
	Gopm    = "1.0.0"
	GopmNew = "1.0.1"
)

// versions of the example app, and the command of sed(1) that makes src/index.js
// of the example's: the first is as it is, the second says so in its answers, and
// the third throws at start.
var versions = []struct{ name, edit string }{
	{"1.0.0", ""},
	{"1.1.0", "s/hello: 'world'/hello: 'world of 1.1'/"},
	{"1.2.0", "1s/^/throw new Error('the database has moved');/"},
}

// Build builds all packages into the folder dist. work is a folder for what is
// needed meanwhile. repository is gopm's.
func Build(ctx context.Context, repository, work, dist string) error {
	for _, version := range []string{Gopm, GopmNew} {
		cmd := exec.CommandContext(ctx, filepath.Join(repository, "packaging/build"), dist)
		cmd.Env = append(os.Environ(), "ARCHITECTURES=amd64", "PACKAGE_VERSION="+version)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
		}
	}
	o, err := newOverlay(filepath.Join(work, "overlay"))
	if err != nil {
		return err
	}
	copies := exec.CommandContext(ctx, "cp", "--archive", filepath.Join(repository, "examples/my-api"), dist,
		filepath.Join(repository, "packaging/rpmlint.toml"), filepath.Join(repository, "test/packages/debian.spec"), o.build())
	if out, err := copies.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", copies, err, out)
	}
	if err := os.RemoveAll(filepath.Join(o.build(), "my-api/node_modules")); err != nil {
		return err
	}
	if _, err := o.run(ctx, script()); err != nil {
		return err
	}
	built, err := filepath.Glob(filepath.Join(o.build(), "built/*"))
	if err != nil || len(built) != 2*len(versions)+1 {
		return fmt.Errorf("find the packages of my-api: %w, %d found", err, len(built))
	}
	for _, name := range built {
		if err := os.Rename(name, filepath.Join(dist, filepath.Base(name))); err != nil {
			return err
		}
	}
	return nil
}

// script installs gopm and what builds packages, builds those of the example app,
// and has them judged: lintian and rpmlint say nothing, or it fails.
func script() string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("dpkg --install dist/gopm_%s_amd64.deb dist/dh-gopm_%s_all.deb", Gopm, Gopm)
	// rpm's own database does not know what this host has.
	line("rpm2cpio dist/gopm-rpm-macros-%s-1.noarch.rpm | (cd / && cpio --extract --make-directories --quiet)", Gopm)
	line("mkdir built; cp my-api/src/index.js .")
	for i, v := range versions {
		line("sed \"%s\" index.js >my-api/src/index.js", v.edit)
		line("sed -i '1s/(.*)/(%s)/' my-api/debian/changelog", v.name)
		again := ""
		if i > 0 {
			again = "--no-pre-clean" // what npm brought is the same for all
		}
		line("(cd my-api; dpkg-buildpackage --build=binary --no-sign %s)", again)
		line("sed -i 's/^Version: .*/Version: %s/; s/> - .*/> - %s-1/' my-api/rpm/my-api.spec", v.name, v.name)
		line("tar --create --gzip --file=my-api-%s.tar.gz --exclude=debian/my-api --transform=s/^my-api/my-api-%s/ my-api", v.name, v.name)
		line("rpmbuild --nodeps -bb --define '_topdir /mnt/rpm' --define '_sourcedir /mnt' my-api/rpm/my-api.spec")
	}
	line("rpmbuild -bb --define '_topdir /mnt/rpm' debian.spec")
	line("mv *.deb rpm/RPMS/noarch/*.rpm built")
	line("lintian --fail-on=error,warning dist/*gopm_%s_*.deb built/my-api_%s_all.deb", Gopm, versions[0].name)
	// As root it unpacks files with absolute names over those of its machine.
	line("rpmlint --strict --config rpmlint.toml dist/gopm*-%s-1.*.rpm built/my-api-%s-1.noarch.rpm my-api/rpm/my-api.spec", Gopm, versions[0].name)
	return s.String()
}
