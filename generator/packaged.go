package generator

import (
	"path"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
)

// packaged reports whether the apps' files are a package's: those are below /usr,
// where nothing but the package manager writes (Filesystem Hierarchy Standard
// 3.0, 4.1 and 4.9).
func (o Options) packaged() bool {
	return !o.User && strings.HasPrefix(o.Root, "/usr/") && !strings.HasPrefix(o.Root, "/usr/local/")
}

// outside returns where a log of a packaged app goes that its file has beside the
// app: to /var/log, in a folder of the app's own.
func (g *generation) outside(l ecosystem.Log, unit string) ecosystem.Log {
	rest, beside := strings.CutPrefix(l.Path, g.opt.Root+"/")
	if !g.opt.packaged() || !beside {
		return l
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "logs/"), "log/")
	l.Path = path.Join("/var/log", unit, rest)
	return l
}
