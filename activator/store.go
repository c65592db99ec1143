package activator

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Notifier is a service manager as its service speaks to it (sd_notify(3)).
type Notifier interface {
	// Say tells it how things are, such as READY=1.
	Say(state string)
	// Keep puts a copy of fd into its descriptor store.
	Keep(name string, fd int) error
}

// notifier is the service's side of sd_notify(3). Without systemd, that is
// without $NOTIFY_SOCKET, it says nothing and stores nothing.
type notifier struct {
	path  string
	other Notifier // who hears it in place of systemd; nil for nobody
}

func (n notifier) say(state ...string) error {
	if n.other != nil {
		n.other.Say(strings.Join(state, "\n"))
		return nil
	}
	if n.path == "" {
		return nil
	}
	if _, err := daemon.SdNotify(false, strings.Join(state, "\n")); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// extend asks for d more time for what systemd now waits for: start or reload.
func (n notifier) extend(d time.Duration) error {
	return n.say(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// keep puts a copy of fd into the service's descriptor store under a name. The
// store gives it to the next activator; ':' is not allowed in a name.
//
// Without FDPOLL=0 systemd drops what polls as an error, and a BPF map always
// does (bpf_map_poll, kernel/bpf/syscall.c).
//
// go-systemd has no call that sends descriptors.
func (n notifier) keep(name string, fd int) error {
	if n.path == "" && n.other == nil {
		return nil
	}
	if !isName(name) {
		return fmt.Errorf("store descriptor: %q is not a name", name)
	}
	if n.other != nil {
		return n.other.Keep(name, fd)
	}
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(sock)
		err = unix.Sendmsg(sock, []byte("FDSTORE=1\nFDPOLL=0\nFDNAME="+name), unix.UnixRights(fd), &unix.SockaddrUnix{Name: n.path}, 0)
	}
	if err != nil {
		return fmt.Errorf("store descriptor %s: %w", name, err)
	}
	return nil
}

// mark stores a name that stands for itself: a fact to be known after a
// restart, on an empty file in memory.
func (n notifier) mark(name string) error {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("store mark %s: %w", name, err)
	}
	defer unix.Close(fd)
	return n.keep(name, fd)
}

// isName tells what may be the name of a descriptor. A newline in it would begin
// another line of the message to systemd.
func isName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == ':'
	}) < 0
}

// forget drops what is stored under a name.
func (n notifier) forget(name string) error {
	if !isName(name) {
		return fmt.Errorf("forget descriptor: %q is not a name", name)
	}
	return n.say("FDSTOREREMOVE=1", "FDNAME="+name)
}

// isStored tells a descriptor of the store, named here, from one of a socket
// unit, which is named after the unit unless FileDescriptorName= says otherwise.
func isStored(name string) bool {
	kind, _, _ := strings.Cut(name, "-")
	switch kind {
	case "listener", "sockets", "channel", "given", "listens", "ready", "rolling", "started", "count", "datagram":
		return !strings.HasSuffix(name, ".socket")
	}
	return false
}

// passed is a descriptor that systemd gave to the service.
type passed struct {
	name string
	fd   int
}

// takePassed takes over all descriptors, from socket units and from the store
// alike.
func takePassed(files []*os.File) ([]passed, error) {
	var all []passed
	for _, file := range files {
		fd, err := release(file)
		if err != nil {
			return nil, fmt.Errorf("take descriptor %s: %w", file.Name(), err)
		}
		all = append(all, passed{file.Name(), fd})
	}
	return all, nil
}

// release turns a file into a bare descriptor. A file is registered with Go's
// poller, which would wake this process at each connection to a listener that
// a worker serves.
func release(file *os.File) (int, error) {
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 3)
	})
	return fd, errors.Join(err, dupErr)
}
