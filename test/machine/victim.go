package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v3/net"
	gopsprocess "github.com/shirou/gopsutil/v3/process"
)

// A Victim is a process of a unit's that can be stopped and killed at once;
// Kill takes as long as systemctl does.
type Victim struct {
	PID  int // as the machine sees it
	host int // as the host does
}

// Victim is the process as one.
func (p Process) Victim() Victim { return Victim{p.PID, p.host} }

// Kill kills it.
func (v Victim) Kill() error { return syscall.Kill(v.host, syscall.SIGKILL) }

// Stop stops it, and returns when all its threads have stopped.
func (v Victim) Stop() error {
	if err := syscall.Kill(v.host, syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		stopped, err := v.stopped()
		if stopped || err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (v Victim) stopped() (bool, error) {
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(v.host), "task/*"))
	if err != nil {
		return false, err
	}
	if len(threads) == 0 {
		return false, syscall.ESRCH
	}
	for _, thread := range threads {
		number, err := strconv.Atoi(filepath.Base(thread))
		if err != nil {
			return false, err
		}
		p := gopsprocess.Process{Pid: int32(number)}
		state, err := p.Status()
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread ended
		}
		if err != nil || len(state) != 1 || state[0] != gopsprocess.Stop {
			return false, err
		}
	}
	return true, nil
}

// Callers are the ports of those whose TCP connections it has accepted and not
// closed.
func (v Victim) Callers() ([]int, error) {
	connections, err := net.ConnectionsPid("tcp", int32(v.host))
	if err != nil {
		return nil, fmt.Errorf("list connections of process %d: %w", v.PID, err)
	}
	var ports []int
	for _, c := range connections {
		if c.Raddr.Port != 0 {
			ports = append(ports, int(c.Raddr.Port))
		}
	}
	return ports, nil
}
