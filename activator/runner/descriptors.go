package runner

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// descriptor is one that is kept for an activator, under the name that systemd
// gives it. It is bare: a file is registered with Go's poller, which would wake this
// process at each connection.
type descriptor struct {
	name string
	fd   int
}

// keep is a copy of a descriptor.
func keep(name string, fd int) (descriptor, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return descriptor{}, fmt.Errorf("keep %s: %w", name, os.NewSyscallError("fcntl", err))
	}
	return descriptor{name, own}, nil
}

// copies are what an activator takes over.
func copies(kept []descriptor) ([]*os.File, error) {
	var files []*os.File
	for _, d := range kept {
		own, err := keep(d.name, d.fd)
		if err != nil {
			closeFiles(files)
			return nil, err
		}
		files = append(files, os.NewFile(uintptr(own.fd), own.name))
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func closeAll(kept []descriptor) {
	for _, d := range kept {
		unix.Close(d.fd)
	}
}

// store is the descriptor store of an activator (FDSTORE=1, sd_notify(3)): what the
// next one goes on with.
type store struct {
	mu   sync.Mutex
	kept []descriptor
}

func (s *store) keep(name string, fd int) error {
	d, err := keep(name, fd)
	if err == nil {
		s.mu.Lock()
		s.kept = append(s.kept, d)
		s.mu.Unlock()
	}
	return err
}

// forget closes all that has a name.
func (s *store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rest []descriptor
	for _, d := range s.kept {
		if d.name == name {
			unix.Close(d.fd)
		} else {
			rest = append(rest, d)
		}
	}
	s.kept = rest
}

func (s *store) copies() ([]*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copies(s.kept)
}

func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	closeAll(s.kept)
	s.kept = nil
}
