// Package packages builds gopm's packages and those of apps, with the commands of
// packaging/README.md.
package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Folders of what Build makes, each with gopm's packages and what was built in one
// of the guide's three ways.
const (
	Debhelper = "debhelper"
	RPM       = "rpmbuild"
	NFPM      = "nfpm"
)

// The versions of gopm. The later one is the same programs again.
var gopm = []string{"1.0.0", "1.0.1"}

// versions of the example app, and the command of sed(1) that makes src/index.js of
// the example's: the first is as it is, the second says so in its answers, and the
// third throws at start.
var versions = []struct{ name, edit string }{
	{"1.0.0", ""},
	{"1.1.0", "s/hello: 'world'/hello: 'world of 1.1'/"},
	{"1.2.0", "1s/^/throw new Error('the database has moved');/"},
}

// Build builds all packages into the folder dist. work is a folder for what is
// needed meanwhile. repository is gopm's.
func Build(ctx context.Context, repository, work, dist string) error {
	guide, err := ReadGuide(filepath.Join(repository, "packaging/README.md"))
	if err != nil {
		return err
	}
	o, err := newOverlay(filepath.Join(work, "overlay"))
	if err != nil {
		return err
	}
	for _, version := range gopm {
		cmd := exec.CommandContext(ctx, filepath.Join(repository, "packaging/build"), o.build())
		cmd.Env = append(os.Environ(), "ARCHITECTURES=amd64", "PACKAGE_VERSION="+version)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
		}
	}
	nfpm := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(repository, "packaging/nfpm"),
		"-o", filepath.Join(o.build(), "bin/nfpm"), "github.com/goreleaser/nfpm/v2/cmd/nfpm")
	copies := exec.CommandContext(ctx, "cp", "--archive", filepath.Join(repository, "examples/my-api"), filepath.Join(repository, "test/packages/shop"),
		filepath.Join(repository, "packaging/rpmlint.toml"), filepath.Join(repository, "test/packages/debian.spec"), o.build())
	for _, cmd := range []*exec.Cmd{nfpm, copies} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w\n%s", cmd, err, out)
		}
	}
	script, err := script(guide)
	if err != nil {
		return err
	}
	if err := o.run(ctx, script); err != nil {
		return err
	}
	return os.Rename(filepath.Join(o.build(), "dist"), dist)
}

// prelude makes what a packager has: a checkout, and a machine that knows its
// packages. npm's answer is the same for each version of the app, and kept. rpm's
// own database does not know what Debian's packages brought.
const prelude = `
export PATH=/mnt/bin:$PATH HOME=/root DEBIAN_FRONTEND=noninteractive
npm=$(command -v npm)
cat >bin/npm <<END
#!/bin/sh
set -e
[ -d /mnt/modules ] || { $npm "\$@"; cp -a node_modules /mnt/modules; }
rm -rf node_modules
cp -a /mnt/modules node_modules
END
printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
chmod 755 bin/*
rm -rf my-api/node_modules
cp my-api/src/index.js .
git -C my-api init --quiet
git config --global user.name packager
git config --global user.email packager@example.com
mkdir -p dist/debhelper dist/rpmbuild dist/nfpm
rpmbuild -bb --quiet debian.spec
rpm --install /root/rpmbuild/RPMS/noarch/debian-*.rpm
mv /root/rpmbuild/RPMS/noarch/*.rpm dist/rpmbuild
cp dist/rpmbuild/debian-*.rpm dist/nfpm
`

// script is what the packager types: the guide's commands for each version, and the
// linters after them, which say nothing, or it fails.
func script(guide Guide) (string, error) {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	s.WriteString(prelude)
	for i, v := range versions {
		line("sed \"%s\" index.js >my-api/src/index.js", v.edit)
		line("sed -i '1s/(.*)/(%s)/' my-api/debian/changelog", v.name)
		line("sed -i 's/^Version: .*/Version: %s/; s/> - .*/> - %s-1/' my-api/rpm/my-api.spec", v.name, v.name)
		line("git -C my-api add --all; git -C my-api commit --quiet --message=%s", v.name)
		for _, section := range []string{"A .deb, with debhelper", "An .rpm, with rpmbuild", "Either, with nfpm"} {
			commands, err := guide.script(section, i == 0)
			if err != nil {
				return "", err
			}
			line("(\n%s\n)", strings.NewReplacer("my-api-1.0.0", "my-api-"+v.name, "VERSION=1.0.0", "VERSION="+v.name).Replace(commands))
		}
	}
	line("mv my-api_*.deb dist/debhelper")
	line("mv /root/rpmbuild/RPMS/noarch/*.rpm dist/rpmbuild")
	line("mv my-api/my-api* dist/nfpm")
	commands, err := guide.script("Either, with nfpm", false)
	if err != nil {
		return "", err
	}
	shop := strings.NewReplacer("my-api", "shop", "npm ci", ": npm ci", "find ", ": find ", "VERSION=1.0.0", "VERSION=$version").Replace(commands)
	line("for version in 1.0.0 2.0.0; do (\n%s\n)", shop)
	line("sed -i 's/4000/4001/; /shop-old/d' shop/ecosystem.config.js; sed -i s/1.0.0/2.0.0/ shop/web.js; done")
	line("mv shop/shop*.deb shop/shop*.rpm dist/nfpm")
	line("cp gopm_*.deb dist/debhelper; cp gopm-[0-9]*.rpm dist/rpmbuild; mv gopm_*.deb gopm-[0-9]*.rpm dist/nfpm")
	const lintian = "lintian --allow-root --fail-on=error,warning "
	line(lintian + "dist/debhelper/*_1.0.0_*.deb dh-gopm_1.0.0_all.deb")
	// In a run of its own: lintian takes two packages of one name for one. nfpm makes
	// no changelog of debian/changelog, and has dpkg's fields and one more.
	line(lintian + "--suppress-tags=no-changelog,unknown-field dist/nfpm/my-api_1.0.0_all.deb")
	// As root it unpacks files with absolute names over those of its machine.
	line("rpmlint --strict --config rpmlint.toml dist/rpmbuild/*-1.0.0-1.*.rpm dist/nfpm/my-api-1.0.0-1.noarch.rpm gopm-rpm-macros-1.0.0-1.noarch.rpm my-api/rpm/my-api.spec")
	return s.String(), nil
}
