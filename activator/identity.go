package activator

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

// speaker is a process that speaks for a worker's unit, and what systemd knows
// of that unit.
type speaker struct {
	pid   int
	unit  string
	state systemd.State
}

// may tells why the speaker may not ask for what it asks for: an app can start
// processes in its worker's control group, and connect as often as it likes.
func (s speaker) may(hello control.Hello) error {
	switch {
	case hello.Invocation != s.state.Invocation:
		return fmt.Errorf("process %d of %s speaks for another run of it than the one that runs (its INVOCATION_ID is not the unit's)", s.pid, s.unit)
	case hello.Verb == control.Exec && s.pid != s.state.PID:
		return fmt.Errorf("process %d of %s is not its main process, which is %d: ExecStart= has to be gopm-activator exec, with no shell around it", s.pid, s.unit, s.state.PID)
	}
	return nil
}

// stillThere makes sure that the process that connected still runs, so that the
// number looked up was not one given anew. Before Linux 6.5, which brought
// SO_PEERPIDFD, there is no way to know.
func stillThere(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var gone bool
	err = raw.Control(func(fd uintptr) {
		pidfd, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		if err != nil {
			gone = err == unix.ESRCH
			return
		}
		defer unix.Close(pidfd)
		gone = unix.PidfdSendSignal(pidfd, 0, nil, 0) == unix.ESRCH
	})
	if err == nil && gone {
		err = errors.New("client has gone")
	}
	return err
}
