package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Systemctl runs systemctl(1) in the machine.
func (m *Machine) Systemctl(ctx context.Context, args ...string) (string, error) {
	return m.Run(ctx, "systemctl", append([]string{"--no-pager", "--full"}, args...)...)
}

// Journal returns what the units matching the pattern, and systemd about
// them, logged since the boot.
func (m *Machine) Journal(ctx context.Context, pattern string) (string, error) {
	return m.Run(ctx, "journalctl", "--boot", "--no-pager", "--output=short-monotonic", "--unit="+pattern)
}

// Property returns a property of a unit as systemctl shows it.
func (m *Machine) Property(ctx context.Context, unit, name string) (string, error) {
	return m.Systemctl(ctx, "show", "--property="+name, "--value", unit)
}

// MainPID returns the id of a unit's main process as the machine sees it, 0
// where it has none.
func (m *Machine) MainPID(ctx context.Context, unit string) (int, error) {
	value, err := m.Property(ctx, unit, "MainPID")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(value)
}

// Kill sends a signal to a unit's main process, without systemd being asked
// to do anything about it.
func (m *Machine) Kill(ctx context.Context, unit, signal string) error {
	_, err := m.Systemctl(ctx, "kill", "--kill-whom=main", "--signal="+signal, unit)
	return err
}

// Systemd connects to the machine's systemd. The caller closes it.
func (m *Machine) Systemd() (*dbus.Conn, error) {
	return dbus.NewConnection(m.bus)
}

// bus connects to the machine's system bus, and not to systemd's private
// socket: systemd turns away whom it can't see in its own process namespace.
func (m *Machine) bus() (*godbus.Conn, error) {
	conn, err := godbus.Dial("unix:path=" + m.HostFile("/run/dbus/system_bus_socket"))
	if err != nil {
		return nil, fmt.Errorf("connect to systemd: %w", err)
	}
	if err := conn.Auth([]godbus.Auth{godbus.AuthExternal("0")}); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to systemd: %w", err)
	}
	if err := conn.Hello(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to systemd: %w", err)
	}
	return conn, nil
}

// A Process is one that runs in the machine.
type Process struct {
	Unit string // whose control group it is in
	PID  int    // as the machine sees it
	Name string // of its executable, without folder
	Env  []string
	host int // its id as the host sees it
}

// Processes returns the processes of the units matching the shell pattern, as
// the kernel knows them: systemd isn't asked. A process that ends while we
// look is left out.
func (m *Machine) Processes(pattern string) ([]Process, error) {
	payload := filepath.Join(m.groups[0], "payload/system.slice")
	var lists []string
	for _, folder := range []string{payload, filepath.Join(payload, "*.slice")} {
		found, err := filepath.Glob(filepath.Join(folder, pattern, "cgroup.procs"))
		if err != nil {
			return nil, err
		}
		lists = append(lists, found...)
	}
	return processesIn(lists), nil
}

// All returns all processes in the machine.
func (m *Machine) All() ([]Process, error) {
	var lists []string
	err := filepath.WalkDir(m.groups[0], func(name string, _ fs.DirEntry, err error) error {
		if filepath.Base(name) == "cgroup.procs" {
			lists = append(lists, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was just removed
		}
		return err
	})
	return processesIn(lists), err
}

// processesIn are those in lists of control groups, whose names are those of their
// units.
func processesIn(lists []string) []Process {
	slices.Sort(lists)
	var processes []Process
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		if err != nil {
			continue // the unit stopped
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			p, err := process(pid)
			if err != nil {
				continue // it ended
			}
			p.Unit = filepath.Base(filepath.Dir(list))
			processes = append(processes, p)
		}
	}
	return processes
}

// process reads about a process of the host's.
func process(pid string) (Process, error) {
	dir := filepath.Join("/proc", pid)
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return Process{}, err
	}
	environ, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return Process{}, err
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return Process{}, err
	}
	p := Process{Name: filepath.Base(exe), Env: strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")}
	if p.host, err = strconv.Atoi(pid); err != nil {
		return Process{}, err
	}
	for line := range strings.Lines(string(status)) {
		// One id for each namespace, the innermost last: proc(5).
		if ids, found := strings.CutPrefix(line, "NSpid:"); found {
			fields := strings.Fields(ids)
			p.PID, err = strconv.Atoi(fields[len(fields)-1])
		}
	}
	return p, err
}
