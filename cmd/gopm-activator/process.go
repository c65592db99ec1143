package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// process is the main process of the unit that this one is a command of.
type process struct {
	pidfd int  // -1: not known; this one was called by hand
	ended bool // before it could be opened
}

// mainProcess is $MAINPID, which systemd gives to the unit's other commands.
//
// A unit's EnvironmentFile= can say otherwise, and be the app's to write, while
// this process may be root's: only a process of the unit itself counts. A gopm run
// has no cgroups to tell that by, and lets no file say it.
func mainProcess(ofRun bool) process {
	pid, err := strconv.Atoi(os.Getenv("MAINPID"))
	if err != nil {
		return process{pidfd: -1} // called by hand, or known to be gone
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return process{pidfd: -1, ended: err == unix.ESRCH}
	}
	if ofRun {
		return process{pidfd: pidfd}
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return process{pidfd: -1}
	}
	theirs, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	// Where it has ended by now, the number may have been another's.
	gone := unix.PidfdSendSignal(pidfd, 0, nil, 0) == unix.ESRCH
	if gone || err != nil || !isOf(string(own), string(theirs)) {
		unix.Close(pidfd)
		return process{pidfd: -1, ended: gone}
	}
	return process{pidfd: pidfd}
}

// isOf tells whether a process is in the unit's cgroup, or below it, by both of
// their /proc/PID/cgroup. A unit's own commands are in a folder of it where that is
// delegated (Delegate= of systemd.resource-control(5)).
func isOf(own, theirs string) bool {
	unit := strings.TrimSuffix(control.Process{Cgroup: own}.Folder(), "/.control")
	folder := control.Process{Cgroup: theirs}.Folder()
	return unit != "" && (folder == unit || strings.HasPrefix(folder, unit+"/"))
}

// while is a context that ends, by errEnded, with a process.
func while(ctx context.Context, main process) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if main.ended {
		cancel(errEnded)
	}
	if main.pidfd >= 0 {
		go func() {
			fds := []unix.PollFd{{Fd: int32(main.pidfd), Events: unix.POLLIN}}
			for {
				// It is readable when the process has ended (pidfd_open(2)).
				if _, err := unix.Poll(fds, -1); err != unix.EINTR {
					cancel(errEnded)
					return
				}
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}
