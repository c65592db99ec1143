package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// openSockets opens what a socket unit says (systemd.socket(5)), under the name
// that systemd gives its descriptors.
func openSockets(name string, u unit) ([]descriptor, error) {
	var opened []descriptor
	for _, kind := range []struct {
		key  string
		open func(address string, reuse bool) (*os.File, error)
	}{
		{"Socket.ListenStream", func(address string, reuse bool) (*os.File, error) {
			if strings.HasPrefix(address, "/") {
				return openPath(address, u)
			}
			return openStream(address, reuse)
		}},
		{"Socket.ListenDatagram", openDatagram},
	} {
		for _, address := range u[kind.key] {
			file, err := kind.open(specifiers(address, ""), u.last("Socket.ReusePort") == "yes")
			var d descriptor
			if err == nil {
				d, err = keep(name, int(file.Fd()))
				file.Close()
			}
			if err != nil {
				closeAll(opened)
				return nil, fmt.Errorf("open %s: %w", name, err)
			}
			opened = append(opened, d)
		}
	}
	return opened, nil
}

// openControl listens on the path of a control socket, which stays when it is closed.
func openControl(path string, mode os.FileMode) (descriptor, error) {
	fd, err := control.Listen(path)
	if err != nil {
		return descriptor{}, fmt.Errorf("open a control socket: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		unix.Close(fd)
		return descriptor{}, fmt.Errorf("open a control socket: %w", err)
	}
	return descriptor{"control", fd}, nil
}

// hostPort makes an address of a port alone.
func hostPort(address string) string {
	if _, err := strconv.Atoi(address); err == nil {
		return ":" + address
	}
	return address
}

// openStream listens on an address. With SO_REUSEPORT a second gopm run would get
// in beside a first one, unseen, and take half of its connections: so it is first
// tried without.
func openStream(address string, reuse bool) (*os.File, error) {
	if reuse {
		alone, err := listen(address, false)
		if err != nil {
			return nil, err
		}
		alone.Close()
	}
	listener, err := listen(address, reuse)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return listener.(*net.TCPListener).File()
}

func listen(address string, reuse bool) (net.Listener, error) {
	listener, err := config(reuse).Listen(context.Background(), "tcp", hostPort(address))
	return listener, explained(err, address)
}

func openDatagram(address string, reuse bool) (*os.File, error) {
	conn, err := config(reuse).ListenPacket(context.Background(), "udp", hostPort(address))
	if err != nil {
		return nil, explained(err, address)
	}
	defer conn.Close()
	return conn.(*net.UDPConn).File()
}

// config sets what siblings need. Go's own listeners are of Multipath TCP, which
// takes no selector.
func config(reuse bool) *net.ListenConfig {
	c := &net.ListenConfig{}
	c.SetMultipathTCP(false)
	if reuse {
		c.Control = func(_, _ string, raw syscall.RawConn) error {
			var setErr error
			err := raw.Control(func(fd uintptr) {
				setErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			})
			return errors.Join(err, setErr)
		}
	}
	return c
}

// explained adds what to do.
func explained(err error, address string) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w; something else listens on %s: another gopm run?", err, address)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w; a port below 1024 is root's, or whose net.ipv4.ip_unprivileged_port_start says so", err)
	}
	return err
}

// openPath listens on a path, as SocketMode= and its like say.
func openPath(path string, u unit) (*os.File, error) {
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // its path is the run's, see removePaths
	mode := uint64(0o666)
	if text := u.last("Socket.SocketMode"); text != "" {
		if mode, err = strconv.ParseUint(text, 8, 32); err != nil {
			return nil, fmt.Errorf("read SocketMode=: %w", err)
		}
	}
	if err := os.Chmod(path, fs.FileMode(mode)); err != nil {
		return nil, err
	}
	if err := own(path, u.last("Socket.SocketUser"), u.last("Socket.SocketGroup")); err != nil {
		return nil, err
	}
	return listener.(*net.UnixListener).File()
}

// removeSocket removes what a run that was killed has left, and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and no socket", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return fmt.Errorf("something else listens on %s: another gopm run?", path)
	}
	return os.Remove(path)
}

// own gives a path to an account. Only root can.
func own(path, owner, group string) error {
	if os.Getuid() != 0 || owner == "" && group == "" {
		return nil
	}
	uid, gid := -1, -1
	if owner != "" {
		who, err := accountOf(owner, "")
		if err != nil {
			return err
		}
		if who.credential != nil {
			uid = int(who.credential.Uid)
		}
	}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return err
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return err
		}
	}
	return os.Chown(path, uid, gid)
}

// paths are those that a socket unit listens on.
func paths(u unit) []string {
	var out []string
	for _, address := range u["Socket.ListenStream"] {
		if strings.HasPrefix(address, "/") {
			out = append(out, specifiers(address, ""))
		}
	}
	return out
}
