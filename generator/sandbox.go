package generator

import (
	"slices"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// directive is a line of a worker's sandbox.
type directive struct {
	Name  string
	Value units.Value
	// Everywhere: a user's manager can do it too, since it takes no more than
	// seccomp or prctl(2).
	everywhere bool
}

// sandbox is what a Node app tolerates (systemd.exec(5)). Missing on purpose:
// MemoryDenyWriteExecute=, because V8 compiles to machine code; ProcSubset=,
// because os.cpus() reads /proc; RestrictNamespaces=, because Chromium makes
// its own sandbox of namespaces.
func sandbox() []directive {
	yes := units.Specified("yes")
	return []directive{
		{"NoNewPrivileges", yes, true},
		// Nothing is granted by it: a node that setcap(8) gave these would not
		// start without.
		{"CapabilityBoundingSet", units.Specified("CAP_NET_BIND_SERVICE CAP_NET_RAW"), false},
		{"PrivateTmp", yes, false},
		{"PrivateDevices", yes, false},
		{"PrivateMounts", yes, false},
		{"ProtectSystem", units.Specified("full"), false},
		{"ProtectHome", yes, false},
		{"ProtectProc", units.Specified("invisible"), false},
		{"ProtectClock", yes, false},
		{"ProtectControlGroups", yes, false},
		{"ProtectHostname", yes, false},
		{"ProtectKernelLogs", yes, false},
		{"ProtectKernelModules", yes, false},
		{"ProtectKernelTunables", yes, false},
		{"RestrictAddressFamilies", units.Specified("AF_UNIX AF_INET AF_INET6 AF_NETLINK"), true},
		{"RestrictSUIDSGID", yes, true},
		{"RestrictRealtime", yes, true},
		{"LockPersonality", yes, true},
		{"SystemCallArchitectures", units.Specified("native"), true},
		{"SystemCallFilter", units.Specified("@system-service"), true},
		{"SystemCallErrorNumber", units.Specified("EPERM"), true},
	}
}

// alsoTaken are directives that are off where nobody asks for them.
var alsoTaken = []string{"MemoryDenyWriteExecute", "PrivateNetwork", "PrivateUsers", "ProcSubset", "RestrictNamespaces", "RemoveIPC", "UMask", "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "IPAddressDeny", "IPAddressAllow", "TemporaryFileSystem", "AmbientCapabilities", "DevicePolicy", "DeviceAllow"}

// harden returns the sandbox of an app, with the changes that it asks for.
func (g *generation) harden(app ecosystem.App) []directive {
	if app.Hardening.Off {
		return nil
	}
	var out []directive
	for _, d := range sandbox() {
		switch {
		case g.opt.User && !d.everywhere,
			d.Name == "ProtectHome" && livesBelow(app, "/home/", "/root", "/run/user/"),
			d.Name == "PrivateDevices" && livesBelow(app, "/dev/"),
			d.Name == "PrivateTmp" && livesBelow(app, "/tmp/", "/var/tmp/"),
			d.Name == "CapabilityBoundingSet" && (app.User == "root" || app.User == "0"):
		default:
			out = append(out, d)
		}
	}
	for _, c := range app.Hardening.Changes {
		out = slices.DeleteFunc(out, func(d directive) bool { return d.Name == c.Directive })
		if !isDirective(c.Directive) {
			hint := "the directives are: " + strings.Join(directives(), ", ")
			if near := ecosystem.Nearest(c.Directive, directives()); near != "" {
				hint = "did you mean " + near + "?"
			}
			g.problem(app, "gopm.hardening."+c.Directive, "is not a directive of the sandbox", hint)
			continue
		}
		if c.Value != "" {
			value := quoter{g, app}.value("gopm.hardening."+c.Directive, c.Value, units.Text)
			out = append(out, directive{Name: c.Directive, Value: value})
		}
	}
	return out
}

// directives are the names that hardening takes.
func directives() []string {
	names := slices.Clone(alsoTaken)
	for _, d := range sandbox() {
		names = append(names, d.Name)
	}
	return names
}

func isDirective(name string) bool { return slices.Contains(directives(), name) }

// livesBelow reports whether an app names a path below one of the folders, other
// than the few devices that every process has.
func livesBelow(app ecosystem.App, folders ...string) bool {
	words := slices.Concat([]string{app.Program, app.Script, app.Dir, app.Output.Path, app.Errors.Path}, app.ProgramArgs, app.Args, app.EnvFiles)
	for _, v := range app.Variables {
		words = append(words, v.Value)
	}
	if app.Watch != nil {
		words = append(words, app.Watch.Paths...)
	}
	everyones := strings.NewReplacer("/dev/null", "", "/dev/stdout", "", "/dev/stderr", "", "/dev/stdin", "", "/dev/random", "", "/dev/urandom", "", "/dev/zero", "", "/dev/tty", "", "/dev/fd", "", "/dev/shm", "")
	for _, word := range words {
		word = everyones.Replace(word)
		for _, folder := range folders {
			if mentions(word, folder) {
				return true
			}
		}
	}
	return false
}

// mentions reports whether a text has a path below a folder in it, or the folder
// itself where its name ends without a slash, and not only one in another folder
// that is called the same.
func mentions(text, folder string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], folder)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(folder)
		first := begin == 0 || !isPathByte(text[begin-1]) || text[begin-1] == '/'
		if first && (folder[len(folder)-1] == '/' || end == len(text) || text[end] == '/' || !isPathByte(text[end])) {
			return true
		}
		at = end
	}
}

func isPathByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/~%", c) >= 0 || c >= 0x80
}
