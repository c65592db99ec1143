package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runPrefix begins the name of a folder that is one gopm run's.
const runPrefix = "run-"

// Run is the folder in which one gopm run has its control sockets. It is the
// run's for as long as it is locked, so that what a kill leaves behind is known
// for that.
type Run struct {
	Manager Manager
	lock    *os.File
}

// Runs are the managers of each gopm run of the process's own user that goes on.
// They have no systemd behind them, and so no [Manager.Private].
func (p Process) Runs() []Manager {
	var runs []Manager
	for _, base := range p.runBases() {
		if p.trusts(base) != nil {
			continue
		}
		for _, dir := range runsIn(base) {
			if lock, err := lockDir(dir, unix.LOCK_SH|unix.LOCK_NB); err == nil {
				lock.Close() // nobody has it: that run is over
			} else if errors.Is(err, unix.EWOULDBLOCK) {
				runs = append(runs, Manager{Runtime: dir})
			}
		}
	}
	return runs
}

// Own is where a gopm run itself listens, beside the activators of its apps.
func (m Manager) Own() Address { return Address{Path: filepath.Join(m.Runtime, "run.sock")} }

// Unit is what a gopm run says of one of its units, under systemd's names
// (org.freedesktop.systemd1(5)).
type Unit struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Active      string `json:"active"` // ActiveState
	Sub         string `json:"sub"`    // SubState
	Job         string `json:"job,omitempty"`
	// The rest is of services: their main process, how often Restart= has started
	// them again, and what they run.
	PID      int      `json:"pid,omitempty"`
	Restarts int      `json:"restarts,omitempty"`
	Dir      string   `json:"dir,omitempty"`
	User     string   `json:"user,omitempty"`
	Restart  string   `json:"restart,omitempty"`
	Exec     []string `json:"exec,omitempty"`
	// Environment and Status (StatusText) are an activator's.
	Environment []string `json:"environment,omitempty"`
	Status      string   `json:"status,omitempty"`
	// Output and Errors are a target's: where its app's services write, as their
	// template says it (StandardOutput= and StandardError=).
	Output string `json:"output,omitempty"`
	Errors string `json:"errors,omitempty"`
}

// AskUnits asks a gopm run for its units.
func AskUnits(ctx context.Context, at Address) ([]Unit, error) {
	var units []Unit
	err := ask(ctx, at, Hello{Verb: Units}, func(answer Answer) {
		if answer.Unit != nil {
			units = append(units, *answer.Unit)
		}
	})
	return units, err
}

// NewRun makes the folder of a run, and removes those of runs that are over. The
// caller closes it.
func (p Process) NewRun() (*Run, error) {
	var failed []string
	for _, base := range p.runBases() {
		run, err := p.newRunIn(base)
		if err == nil {
			return run, nil
		}
		failed = append(failed, err.Error())
	}
	return nil, fmt.Errorf("make a folder for the control sockets: %s; mount a tmpfs on /tmp", strings.Join(failed, ", "))
}

// Close removes the folder.
func (r *Run) Close() error {
	defer r.lock.Close()
	return os.RemoveAll(r.Manager.Runtime)
}

// runBases are where the folders of runs may be, the better ones first. /dev/shm
// can be written to in most containers whose root is read-only. Root goes to no
// folder that its environment names: it could be a user's (see Manager).
func (p Process) runBases() []string {
	own := fmt.Sprintf("gopm-%d", p.UID)
	system := filepath.Join(System.Runtime, "gopm")
	if p.UID == 0 {
		return []string{system, "/tmp/" + own, "/dev/shm/" + own}
	}
	var bases []string
	if p.Runtime != "" {
		bases = append(bases, filepath.Join(p.Runtime, "gopm"))
	}
	return append(bases, system, "/tmp/"+own, "/dev/shm/"+own)
}

// trusts tells why a folder may not be used: in /tmp, anybody can make one.
func (p Process) trusts(base string) error {
	info, err := os.Lstat(base)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", base)
	case !ok || int(stat.Uid) != p.UID:
		return fmt.Errorf("%s is not a folder of uid %d", base, p.UID)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written to by others", base)
	}
	return nil
}

func (p Process) newRunIn(base string) (*Run, error) {
	if err := os.Mkdir(base, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := p.trusts(base); err != nil {
		return nil, err
	}
	// Between its making and its lock a folder looks like one that is left over.
	whole, err := lockDir(base, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	for _, dir := range runsIn(base) {
		if lock, err := lockDir(dir, unix.LOCK_EX|unix.LOCK_NB); err == nil {
			err = os.RemoveAll(dir)
			lock.Close()
			if err != nil {
				return nil, err
			}
		}
	}
	dir, err := os.MkdirTemp(base, runPrefix)
	if err != nil {
		return nil, err
	}
	run := &Run{Manager: Manager{Runtime: dir}}
	if run.lock, err = lockDir(dir, unix.LOCK_EX); err != nil {
		return nil, err
	}
	// Apps may run as other users, and their units' commands connect.
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Dir(run.Manager.Address("").Path), 0o755))
	if err != nil {
		return nil, errors.Join(err, run.Close())
	}
	return run, nil
}

// runsIn are the folders of runs, over or not.
func runsIn(base string) []string {
	dirs, _ := filepath.Glob(filepath.Join(base, runPrefix+"*")) // the pattern is a good one
	return dirs
}

// lockDir locks a folder for as long as it is open (flock(2)).
func lockDir(dir string, how int) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return file, nil
}
