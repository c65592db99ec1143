package activator

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// pipe is the addressType of a path in Node's messages; JSON numbers are floats.
const pipe = -1.0

// pathOf is the path that a stream socket is bound to; empty where it is bound
// to none.
func pathOf(fd int) string {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return ""
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	if sa, ok := sa.(*unix.SockaddrUnix); ok && strings.HasPrefix(sa.Name, "/") {
		return sa.Name
	}
	return ""
}

// adoptPath makes a group of a socket unit's AF_UNIX listener. It has no siblings
// (SO_REUSEPORT is for the internet's families), so no kernel can pick: all its
// connections are taken in turns, see turn.go.
func (a *Activator) adoptPath(fd int, at string) error {
	g, err := steer.Alone(fd)
	if err != nil {
		return err
	}
	a.groups = append(a.groups, &group{Group: g, path: at, declared: true})
	return nil
}

// groupOfPath finds the group for a path that an app listens on. None is ever
// opened: whose folder it would be in, and who might connect, is for the socket
// unit to say.
func (a *Activator) groupOfPath(m nodeipc.Message) (*group, unix.Errno, error) {
	for _, g := range a.groups {
		if g.path != "" && m.Address != nil && samePath(g.path, *m.Address) {
			return g, 0, nil
		}
	}
	return nil, unix.EACCES, errors.New("a Unix socket must be declared by the app's socket unit (ListenStream=)")
}

// samePath compares as systemd does, to which /var/run is /run (systemd.socket(5)
// says nothing of it; systemctl prints a warning).
func samePath(a, b string) bool {
	plain := func(p string) string {
		p = path.Clean(p)
		if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
			p = "/run/" + rest
		}
		return p
	}
	return plain(a) == plain(b)
}

// asked is what an app asked for, in its own words.
func asked(m nodeipc.Message) string {
	switch {
	case m.Address == nil:
		return fmt.Sprintf("port %d", m.Port)
	case m.AddressType == pipe:
		return fmt.Sprintf("%.200q", *m.Address)
	}
	return fmt.Sprintf("%.200q port %d", *m.Address, m.Port)
}
