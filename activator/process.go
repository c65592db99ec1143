package activator

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// pidfd is a process whose end is awaited.
type pidfd struct{ file *os.File }

// errGone tells that a process has ended before it could be watched.
var errGone = errors.New("its process has ended")

// watchProcess calls ended, from a goroutine of its own, when a process ends,
// unless stop comes first.
func watchProcess(pid int, ended func()) (*pidfd, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err == unix.ESRCH {
		return nil, errGone
	}
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	p := &pidfd{os.NewFile(uintptr(fd), fmt.Sprintf("pidfd of %d", pid))}
	raw, err := p.file.SyscallConn()
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	go func() {
		if raw.Read(hasEnded) == nil { // else stopped
			ended()
		}
	}()
	return p, nil
}

func (p *pidfd) stop() { p.file.Close() }

// hasEnded: a pidfd is readable when the process has ended (pidfd_open(2)).
func hasEnded(pidfd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
