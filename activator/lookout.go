package activator

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lookout sees that connections come, and costs nothing while none do: an epoll(7)
// instance, in which each listener is good for one event (EPOLLONESHOT) until it is
// armed again.
type lookout struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
}

func newLookout() (*lookout, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll instance: %w", err)
	}
	// Go's poller can wait for it, as for anything that can be polled.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("create epoll instance: %w", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("watch epoll instance: %w", err)
	}
	return &lookout{file, raw, fd}, nil
}

// arm has the next connection to a listener end wait.
func (l *lookout) arm(listener int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(listener)}
	err := unix.EpollCtl(l.fd, unix.EPOLL_CTL_MOD, listener, &event)
	if err == unix.ENOENT {
		err = unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, listener, &event)
	}
	if err != nil {
		return fmt.Errorf("watch listener: %w", err)
	}
	return nil
}

// wait returns when a connection has come to an armed listener, or with an error
// after close.
func (l *lookout) wait() error {
	return l.raw.Read(func(fd uintptr) bool {
		var events [64]unix.EpollEvent
		n, err := unix.EpollWait(int(fd), events[:], 0)
		return err == nil && n > 0
	})
}

func (l *lookout) close() { l.file.Close() }
