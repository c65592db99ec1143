// Package systemd is the service manager over D-Bus, and the only room that
// speaks it.
package systemd

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
)

// jobPoll is how often a job's end is looked for beside its signal, which is lost
// where systemd executes itself anew (systemctl daemon-reexec).
const jobPoll = 2 * time.Second

// patience is how long the manager may be out of reach: it is for a moment while
// it executes itself anew.
const (
	patience   = 20 * time.Second
	queryPause = 100 * time.Millisecond
)

// Manager is the service manager over D-Bus.
//
// Every job is made with "ignore-dependencies": workers are ordered after the
// activator, and a job that obeyed this would wait for the activator's own
// start or reload, which waits for the job.
type Manager struct {
	ctx  context.Context // the connection's life
	of   control.Manager // which one it is
	own  string          // the unit that asks
	mu   sync.Mutex
	conn *sd.Conn
	// users is how many wait for an answer or a job's end, and idle ends the
	// connection when nobody has for a while.
	users int
	idle  *time.Timer
	// jobs are the units whose job's end is waited for, and by how many. They have a
	// lock of their own: a signal may come while a connection is made.
	jobs    map[string]int
	jobLock sync.Mutex
}

// New is the manager that the unit called own asks, or a person where that is
// empty: who is not kept waiting where there is no manager. Its connection is
// made when it is needed, and lives as long as ctx.
func New(ctx context.Context, of control.Manager, own string) *Manager {
	return &Manager{ctx: ctx, of: of, own: own, jobs: make(map[string]int)}
}

// State is what the activator wants to know of a worker unit.
type State struct {
	Active, Sub string // ActiveState and SubState
	// Begun is when this run of the unit began, in microseconds of the
	// monotonic clock (InactiveExitTimestampMonotonic).
	Begun uint64
	// PID is that of the main process, 0 where there is none, and Invocation
	// systemd's ID of this run.
	PID        int
	Invocation string
	// Restarts is how often Restart= has started the unit again since somebody last
	// started it. It changes only with a new run.
	Restarts int
}

// Runs tells whether the unit has, or is about to have, a process.
func (u State) Runs() bool {
	return u.Active == "active" || u.Active == "activating" || u.Active == "deactivating"
}

// Leaves tells whether it is being stopped, or has crashed and only waits to be
// started again.
func (u State) Leaves() bool { return u.Active == "deactivating" || u.Sub == "auto-restart" }

// idleTime is how long a connection lives that nobody needs. systemd wakes whoever
// is connected each time that any unit changes.
const idleTime = time.Second

// hold keeps the connection until release is called.
func (m *Manager) hold() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users++
	if m.idle != nil {
		m.idle.Stop()
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.users--
		if m.users == 0 {
			m.idle = time.AfterFunc(idleTime, m.hangUp)
		}
	}
}

// hangUp closes a connection that nobody needs.
func (m *Manager) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users == 0 && m.conn != nil {
		m.conn.Close()
		m.conn = nil
	}
}

// connection is the live one, made anew where the bus has gone.
func (m *Manager) connection() (*sd.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil && m.conn.Connected() {
		return m.conn, nil
	}
	conn, err := m.connect()
	if err != nil {
		return nil, fmt.Errorf("reach systemd over D-Bus: %w", err)
	}
	m.conn = conn
	return conn, nil
}

// query is what the manager answers. A question that a daemon-reexec cut off is
// put again: a job that it had made by then is joined, or done once more.
func query[T any](ctx context.Context, m *Manager, question func(*sd.Conn) (T, error)) (T, error) {
	defer m.hold()()
	for deadline := time.Now().Add(patience); ; {
		var answer T
		conn, err := m.connection()
		if err == nil {
			answer, err = question(conn)
		}
		var refused dbus.Error
		if err == nil || errors.As(err, &refused) || time.Now().After(deadline) || m.absent() {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(queryPause):
		}
	}
}

// absent: a person has asked, and was never answered.
func (m *Manager) absent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own == "" && m.conn == nil
}

// systemBus is where everybody reaches the system's manager, and polkit(8) says
// who may do what (dbus-daemon(1)).
const systemBus = "/run/dbus/system_bus_socket"

// overBus tells whether the manager is reached over the bus: its own socket is
// for its own user.
func (m *Manager) overBus() bool { return !m.of.User && os.Getuid() != 0 }

// connect makes one connection for both that go-systemd wants: the second is for
// those who follow every unit's changes, and each takes systemd milliseconds to set
// up and then a copy of all its signals.
func (m *Manager) connect() (*sd.Conn, error) {
	conn, err := m.dial()
	if err != nil {
		return nil, err
	}
	return sd.NewConnection(func() (*dbus.Conn, error) { return conn, nil })
}

// dial reaches the manager by its own socket, as systemctl does: a restart of the
// bus then loses nothing, and there need not be one.
func (m *Manager) dial() (*dbus.Conn, error) {
	path := m.of.Private()
	if m.overBus() {
		path = systemBus
	}
	socket, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if socket, err = withoutSignals(socket, m.awaits); err != nil {
		return nil, err
	}
	conn, err := dbus.DialUnix(socket, dbus.WithContext(m.ctx))
	if err != nil {
		socket.Close()
		return nil, err
	}
	err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))})
	if err == nil && m.overBus() {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// await has the ends of a unit's jobs come through until release is called.
func (m *Manager) await(unit string) (release func()) {
	count := func(n int) {
		m.jobLock.Lock()
		defer m.jobLock.Unlock()
		if m.jobs[unit] += n; m.jobs[unit] == 0 {
			delete(m.jobs, unit)
		}
	}
	count(1)
	return func() { count(-1) }
}

// awaits tells whether a message speaks of a unit whose job's end is waited for, or of
// one whose name ends alike. A string of D-Bus ends with a zero byte.
func (m *Manager) awaits(message []byte) bool {
	m.jobLock.Lock()
	defer m.jobLock.Unlock()
	for unit := range m.jobs {
		if bytes.Contains(message, []byte(unit+"\x00")) {
			return true
		}
	}
	return false
}

// Run makes a job and waits for its end.
func (m *Manager) Run(ctx context.Context, verb rollout.Verb, unit string) error {
	if verb != rollout.Stop {
		// A worker started while the app is being stopped would be left over.
		if leaves, err := m.OwnJob(ctx); err != nil || leaves != "" {
			return errors.Join(err, rollout.ErrCanceled)
		}
		// What the activator restarts on purpose doesn't count as a crash
		// (StartLimitBurst=).
		m.Forgive(ctx, unit)
	}
	return m.job(ctx, verb, unit, "ignore-dependencies")
}

// job makes a job and waits for its end. The mode is StartUnit's
// (org.freedesktop.systemd1(5)).
func (m *Manager) job(ctx context.Context, verb rollout.Verb, unit, mode string) error {
	defer m.hold()()
	defer m.await(unit)()
	ended := make(chan string, 1)
	_, err := query(ctx, m, func(conn *sd.Conn) (int, error) {
		if m.overBus() {
			// There, JobRemoved comes to who has asked for it.
			if err := conn.Subscribe(); err != nil {
				return 0, err
			}
		}
		job := map[rollout.Verb]func(context.Context, string, string, chan<- string) (int, error){
			rollout.Start: conn.StartUnitContext, rollout.Restart: conn.RestartUnitContext, rollout.Stop: conn.StopUnitContext,
			Reload: conn.ReloadUnitContext,
		}[verb]
		return job(ctx, unit, mode, ended)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, denied(err))
	}
	poll := time.NewTicker(jobPoll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case result := <-ended:
			return m.judge(ctx, unit, result)
		case <-poll.C:
			if over, result := m.lost(ctx, verb, unit); over {
				return m.judge(ctx, unit, result)
			}
		}
	}
}

// Kill sends a signal to a unit's main process.
func (m *Manager) Kill(ctx context.Context, unit string, signal unix.Signal) error {
	_, err := query(ctx, m, func(conn *sd.Conn) (any, error) {
		return nil, conn.KillUnitWithTarget(ctx, unit, sd.Main, int32(signal))
	})
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(signal), unit, denied(err))
	}
	return nil
}

// Forgive has systemd forget that a unit failed, and how often it was started.
func (m *Manager) Forgive(ctx context.Context, unit string) {
	// A unit that is not loaded has nothing to forget.
	_, _ = query(ctx, m, func(conn *sd.Conn) (any, error) {
		return nil, conn.ResetFailedUnitContext(ctx, unit)
	})
}

// OwnJob is the job that waits to stop or restart the activator itself; empty
// where there is none.
func (m *Manager) OwnJob(ctx context.Context) (string, error) {
	job, err := m.JobOf(ctx, m.own)
	if job != "stop" && job != "restart" {
		job = ""
	}
	return job, err
}

// JobOf is the type of a unit's job; empty where it has none.
func (m *Manager) JobOf(ctx context.Context, unit string) (string, error) {
	// Of this unit alone: while a machine boots, there are hundreds of jobs.
	units, err := query(ctx, m, func(conn *sd.Conn) ([]sd.UnitStatus, error) {
		return conn.ListUnitsByNamesContext(ctx, []string{unit})
	})
	if err != nil {
		return "", fmt.Errorf("ask for the job of %s: %w", unit, err)
	}
	if len(units) == 0 {
		return "", nil
	}
	return units[0].JobType, nil
}

// lost finds a job over whose end was not signalled.
func (m *Manager) lost(ctx context.Context, verb rollout.Verb, unit string) (over bool, result string) {
	properties, err := m.properties(ctx, unit)
	if err != nil {
		return false, ""
	}
	if job, _ := properties["Job"].([]any); len(job) == 2 && job[0] != uint32(0) {
		return false, ""
	}
	if active := properties["ActiveState"] == "active"; active == (verb != rollout.Stop) {
		return true, "done"
	}
	return true, "failed"
}

// judge turns a job's result (org.freedesktop.systemd1(5), JobRemoved) into an
// error that says what became of the unit.
func (m *Manager) judge(ctx context.Context, unit, result string) error {
	switch result {
	case "done":
		return nil
	case "canceled":
		return rollout.ErrCanceled
	}
	return fmt.Errorf("%s (job %s); see journalctl -u %s", m.ending(ctx, unit), result, unit)
}

// ending describes how a unit's last run ended.
func (m *Manager) ending(ctx context.Context, unit string) string {
	properties, err := query(ctx, m, func(conn *sd.Conn) (map[string]any, error) {
		return conn.GetUnitTypePropertiesContext(ctx, unit, "Service")
	})
	if err != nil {
		return err.Error()
	}
	status, _ := properties["ExecMainStatus"].(int32)
	switch result := properties["Result"]; result {
	case "exit-code":
		if status == 0 {
			return "not ready (another command of its unit than ExecStart= failed)"
		}
		return fmt.Sprintf("exited with status %d", status)
	case "signal", "core-dump":
		return fmt.Sprintf("killed by signal %d", status)
	case "timeout":
		return "not ready within TimeoutStartSec="
	default:
		return fmt.Sprintf("%v, last exit status %d", result, status)
	}
}

// States reads the state of each loaded unit that the pattern fits.
func (m *Manager) States(ctx context.Context, pattern string) (map[string]State, error) {
	list, err := query(ctx, m, func(conn *sd.Conn) ([]sd.UnitStatus, error) {
		return conn.ListUnitsByPatternsContext(ctx, nil, []string{pattern})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", pattern, err)
	}
	states := make(map[string]State)
	for _, unit := range list {
		if states[unit.Name], err = m.State(ctx, unit.Name); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// stateProperties are what State stores, in its order.
var stateProperties = []string{
	"Unit.ActiveState", "Unit.SubState", "Unit.InvocationID", "Unit.InactiveExitTimestampMonotonic",
	"Service.MainPID", "Service.NRestarts",
}

// State reads the state of a worker unit.
func (m *Manager) State(ctx context.Context, unit string) (State, error) {
	values, err := m.values(ctx, []string{unit}, stateProperties...)
	if err != nil {
		return State{}, err
	}
	var all []any
	for _, name := range stateProperties {
		all = append(all, values[unit][name])
	}
	var state State
	var invocation []byte
	var pid, restarts uint32
	if err := dbus.Store(all, &state.Active, &state.Sub, &invocation, &state.Begun, &pid, &restarts); err != nil {
		return State{}, fmt.Errorf("read state of %s: %w", unit, err)
	}
	state.PID, state.Restarts, state.Invocation = int(pid), int(restarts), hex.EncodeToString(invocation)
	return state, nil
}

// properties are those that every kind of unit has.
func (m *Manager) properties(ctx context.Context, unit string) (map[string]any, error) {
	return query(ctx, m, func(conn *sd.Conn) (map[string]any, error) { return conn.GetUnitPropertiesContext(ctx, unit) })
}

// IsActive tells whether a unit is.
func (m *Manager) IsActive(ctx context.Context, unit string) (bool, error) {
	state, err := query(ctx, m, func(conn *sd.Conn) (*sd.Property, error) {
		return conn.GetUnitPropertyContext(ctx, unit, "ActiveState")
	})
	if err != nil {
		return false, fmt.Errorf("read state of %s: %w", unit, err)
	}
	return state.Value.Value() == "active", nil
}

// UnitOf is the unit that a process belongs to.
func (m *Manager) UnitOf(ctx context.Context, pid int) (string, error) {
	unit, err := query(ctx, m, func(conn *sd.Conn) (string, error) { return conn.GetUnitNameByPID(ctx, uint32(pid)) })
	if err != nil {
		return "", fmt.Errorf("find unit of process %d: %w", pid, err)
	}
	return unit, nil
}
