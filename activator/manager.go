package activator

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
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

// manager is the service manager over D-Bus.
//
// Every job is made with "ignore-dependencies": workers are ordered after the
// activator, and a job that obeyed this would wait for the activator's own
// start or reload, which waits for the job.
type manager struct {
	ctx  context.Context // the connection's life
	own  string          // the activator's unit
	of   control.Manager // which one it is
	mu   sync.Mutex
	conn *systemd.Conn
}

// unitState is what the activator wants to know of a worker unit.
type unitState struct {
	active, sub string
	// begun is when this run of the unit began, in microseconds of the
	// monotonic clock (InactiveExitTimestampMonotonic).
	begun uint64
	// pid is that of the main process, 0 where there is none, and invocation
	// systemd's ID of this run.
	pid        int
	invocation string
}

// runs tells whether the unit has, or is about to have, a process.
func (u unitState) runs() bool {
	return u.active == "active" || u.active == "activating" || u.active == "deactivating"
}

// leaves tells whether it is being stopped, or has crashed and only waits to be
// started again.
func (u unitState) leaves() bool { return u.active == "deactivating" || u.sub == "auto-restart" }

// connection is the live one, made anew where the bus has gone.
func (m *manager) connection() (*systemd.Conn, error) {
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
func query[T any](ctx context.Context, m *manager, question func(*systemd.Conn) (T, error)) (T, error) {
	for deadline := time.Now().Add(patience); ; {
		var answer T
		conn, err := m.connection()
		if err == nil {
			answer, err = question(conn)
		}
		var refused dbus.Error
		if err == nil || errors.As(err, &refused) || time.Now().After(deadline) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(queryPause):
		}
	}
}

// connect reaches the manager by its own socket, as systemctl does: a restart of
// the bus then loses nothing, and there need not be one.
func (m *manager) connect() (*systemd.Conn, error) {
	return systemd.NewConnection(func() (*dbus.Conn, error) {
		conn, err := dbus.Dial("unix:path="+dbus.EscapeBusAddressValue(m.of.Private()), dbus.WithContext(m.ctx))
		if err != nil {
			return nil, err
		}
		if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	})
}

// run makes a job and waits for its end.
func (m *manager) run(ctx context.Context, verb rollout.Verb, unit string) error {
	if verb != rollout.Stop {
		// A worker started while the app is being stopped would be left over.
		if leaves, err := m.ownJob(ctx); err != nil || leaves != "" {
			return errors.Join(err, rollout.ErrCanceled)
		}
		// What the activator restarts on purpose doesn't count as a crash
		// (StartLimitBurst=).
		m.forgive(ctx, unit)
	}
	ended := make(chan string, 1)
	_, err := query(ctx, m, func(conn *systemd.Conn) (int, error) {
		job := map[rollout.Verb]func(context.Context, string, string, chan<- string) (int, error){
			rollout.Start: conn.StartUnitContext, rollout.Restart: conn.RestartUnitContext, rollout.Stop: conn.StopUnitContext,
		}[verb]
		return job(ctx, unit, "ignore-dependencies", ended)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
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

// kill sends a signal to a unit's main process.
func (m *manager) kill(ctx context.Context, unit string, signal unix.Signal) error {
	_, err := query(ctx, m, func(conn *systemd.Conn) (any, error) {
		return nil, conn.KillUnitWithTarget(ctx, unit, systemd.Main, int32(signal))
	})
	if err != nil {
		return fmt.Errorf("send %s to %s: %w", unix.SignalName(signal), unit, err)
	}
	return nil
}

// forgive has systemd forget that a unit failed, and how often it was started.
func (m *manager) forgive(ctx context.Context, unit string) {
	// A unit that is not loaded has nothing to forget.
	_, _ = query(ctx, m, func(conn *systemd.Conn) (any, error) {
		return nil, conn.ResetFailedUnitContext(ctx, unit)
	})
}

// ownJob is the job that waits to stop or restart the activator itself; empty
// where there is none.
func (m *manager) ownJob(ctx context.Context) (string, error) {
	job, err := m.jobOf(ctx, m.own)
	if job != "stop" && job != "restart" {
		job = ""
	}
	return job, err
}

// jobOf is the type of a unit's job; empty where it has none.
func (m *manager) jobOf(ctx context.Context, unit string) (string, error) {
	jobs, err := query(ctx, m, func(conn *systemd.Conn) ([]systemd.JobStatus, error) { return conn.ListJobsContext(ctx) })
	if err != nil {
		return "", fmt.Errorf("list jobs: %w", err)
	}
	for _, job := range jobs {
		if job.Unit == unit {
			return job.JobType, nil
		}
	}
	return "", nil
}

// lost finds a job over whose end was not signalled.
func (m *manager) lost(ctx context.Context, verb rollout.Verb, unit string) (over bool, result string) {
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
func (m *manager) judge(ctx context.Context, unit, result string) error {
	switch result {
	case "done":
		return nil
	case "canceled":
		return rollout.ErrCanceled
	}
	return fmt.Errorf("%s (job %s); see journalctl -u %s", m.ending(ctx, unit), result, unit)
}

// ending describes how a unit's last run ended.
func (m *manager) ending(ctx context.Context, unit string) string {
	properties, err := query(ctx, m, func(conn *systemd.Conn) (map[string]any, error) {
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

// workers reads the state of every loaded worker unit of an app.
func (m *manager) workers(ctx context.Context, s Settings) (map[int]unitState, error) {
	list, err := query(ctx, m, func(conn *systemd.Conn) ([]systemd.UnitStatus, error) {
		return conn.ListUnitsByPatternsContext(ctx, nil, []string{s.App + "@*.service"})
	})
	if err != nil {
		return nil, fmt.Errorf("list workers: %w", err)
	}
	states := make(map[int]unitState)
	for _, unit := range list {
		instance, ok := s.instance(unit.Name)
		if !ok {
			continue
		}
		if states[instance], err = m.stateOf(ctx, unit.Name); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// stateOf reads the state of a worker unit.
func (m *manager) stateOf(ctx context.Context, unit string) (unitState, error) {
	var state unitState
	properties, err := m.properties(ctx, unit)
	if err != nil {
		return state, fmt.Errorf("read state of %s: %w", unit, err)
	}
	main, err := query(ctx, m, func(conn *systemd.Conn) (*systemd.Property, error) {
		return conn.GetUnitTypePropertyContext(ctx, unit, "Service", "MainPID")
	})
	if err != nil {
		return state, fmt.Errorf("read state of %s: %w", unit, err)
	}
	pid, _ := main.Value.Value().(uint32)
	state.active, _ = properties["ActiveState"].(string)
	state.sub, _ = properties["SubState"].(string)
	invocation, _ := properties["InvocationID"].([]byte)
	state.pid = int(pid)
	state.invocation = hex.EncodeToString(invocation)
	state.begun, _ = properties["InactiveExitTimestampMonotonic"].(uint64)
	return state, nil
}

// properties are those that every kind of unit has.
func (m *manager) properties(ctx context.Context, unit string) (map[string]any, error) {
	return query(ctx, m, func(conn *systemd.Conn) (map[string]any, error) { return conn.GetUnitPropertiesContext(ctx, unit) })
}

// isActive tells whether a unit is.
func (m *manager) isActive(ctx context.Context, unit string) (bool, error) {
	state, err := query(ctx, m, func(conn *systemd.Conn) (*systemd.Property, error) {
		return conn.GetUnitPropertyContext(ctx, unit, "ActiveState")
	})
	if err != nil {
		return false, fmt.Errorf("read state of %s: %w", unit, err)
	}
	return state.Value.Value() == "active", nil
}

// unitOf is the unit that a process belongs to.
func (m *manager) unitOf(ctx context.Context, pid int) (string, error) {
	unit, err := query(ctx, m, func(conn *systemd.Conn) (string, error) { return conn.GetUnitNameByPID(ctx, uint32(pid)) })
	if err != nil {
		return "", fmt.Errorf("find unit of process %d: %w", pid, err)
	}
	return unit, nil
}
