package control

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Manager is a service manager: the system's, or a user's own (systemctl
// --user).
type Manager struct {
	// Runtime is where the run-time files of its units are: %t in units.
	Runtime string
	User    bool
}

// System is the system's manager.
var System = Manager{Runtime: "/run"}

// Process is what tells which manager a process belongs to.
type Process struct {
	UID int
	// Cgroup is /proc/self/cgroup.
	Cgroup string
	// Runtime is $XDG_RUNTIME_DIR.
	Runtime string
}

// Manager is the manager that runs the process or, where it is called by hand,
// the one that its user means.
//
// A unit's process goes by its cgroup: an app's environment is the app's to set,
// and must not lead it to another socket. A shell goes by its environment, but
// not root's, which would be led to where a user can listen.
func (p Process) Manager() Manager {
	user := Manager{Runtime: p.Runtime, User: true}
	if p.Runtime == "" {
		user.Runtime = fmt.Sprintf("/run/user/%d", p.UID)
	}
	units := p.units()
	switch {
	case slices.Contains(units, fmt.Sprintf("user@%d.service", p.UID)):
		return user
	case p.UID == 0 || p.Runtime == "":
		return System
	case slices.ContainsFunc(units, func(unit string) bool { return strings.HasSuffix(unit, ".service") }):
		return System
	}
	return user
}

// units are the names on the way to the process's cgroup, each a unit's or a
// folder's of a unit.
func (p Process) units() []string { return strings.Split(p.Folder(), "/") }

// Folder is where the process is among systemd's cgroups; empty where Cgroup does
// not tell.
func (p Process) Folder() string {
	for line := range strings.Lines(p.Cgroup) {
		// hierarchy-ID:controllers:path (cgroups(7)); systemd's own has no ID in
		// version 2 and is called so in version 1.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && (fields[0] == "0" || fields[1] == "name=systemd") && fields[2] != "/" {
			return fields[2]
		}
	}
	return ""
}

// Address is where the activator of an app listens.
type Address struct{ App, Path string }

// socketSuffix ends the name of a control socket.
const socketSuffix = ".sock"

// Address is the control socket of an app.
func (m Manager) Address(app string) Address {
	return Address{app, filepath.Join(m.folder(), app+socketSuffix)}
}

// folder is that of the control sockets.
func (m Manager) folder() string { return filepath.Join(m.Runtime, "gopm") }

// Listening are the apps that have a control socket, whether or not their activators run.
// host is the root of the file system.
func (m Manager) Listening(host fs.FS) []string {
	entries, err := fs.ReadDir(host, strings.TrimPrefix(m.folder(), "/"))
	if err != nil {
		return nil // there need be none
	}
	var apps []string
	for _, entry := range entries {
		if app, ok := strings.CutSuffix(entry.Name(), socketSuffix); ok && !entry.IsDir() {
			apps = append(apps, app)
		}
	}
	return apps
}

// ActivatorGroups is the folder of the cgroups of activators, below the root of the file
// system: that of the slice that systemd puts instances of one template into
// (systemd.slice(5)), unless somebody has set Slice=. There is one for each that has a
// process. uid is who has the manager, where that is a user.
func (m Manager) ActivatorGroups(uid int) string {
	if m.User {
		return fmt.Sprintf(`sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service/app.slice/app-gopm\x2dactivator.slice`, uid, uid)
	}
	return `sys/fs/cgroup/system.slice/system-gopm\x2dactivator.slice`
}

// Private is the manager's own D-Bus socket.
func (m Manager) Private() string { return filepath.Join(m.Runtime, "systemd/private") }
