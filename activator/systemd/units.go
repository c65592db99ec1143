package systemd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sync/errgroup"
)

// atATime is how many questions are under way, so that systemd need not wait for
// the next. The bus drops a connection's over 128 (max_replies_per_connection,
// dbus-daemon(1)).
const atATime = 24

// Unit is a loaded unit. Its names are systemd's (systemctl list-units).
type Unit struct {
	Name, Description string
	Active, Sub       string
	Job               string // the type of what it is about to do; empty: nothing
}

// Units lists the loaded units that any of the patterns fits.
func (m *Manager) Units(ctx context.Context, patterns ...string) ([]Unit, error) {
	list, err := query(ctx, m, func(conn *sd.Conn) ([]sd.UnitStatus, error) {
		return conn.ListUnitsByPatternsContext(ctx, nil, patterns)
	})
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	var units []Unit
	for _, u := range list {
		if u.LoadState == "loaded" {
			units = append(units, Unit{u.Name, u.Description, u.ActiveState, u.SubState, u.JobType})
		}
	}
	return units, nil
}

// systemFolders are where the system's manager looks for units (systemd.unit(5), Unit File
// Load Path). Those of a user's depend on that user's environment.
var systemFolders = []string{
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached",
	"/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/run/systemd/generator.late",
}

// Folders are where the manager looks for units, the first found being the one
// that counts (UnitPath in org.freedesktop.systemd1(5)).
func (m *Manager) Folders(ctx context.Context) ([]string, error) {
	if !m.of.User {
		return systemFolders, nil
	}
	// go-systemd gives a manager's property as D-Bus writes it; for strings that is
	// also JSON.
	text, err := query(ctx, m, func(conn *sd.Conn) (string, error) { return conn.GetManagerProperty("UnitPath") })
	var folders []string
	if err == nil {
		err = json.Unmarshal([]byte(text), &folders)
	}
	if err != nil {
		return nil, fmt.Errorf("ask systemd where its units are: %w", err)
	}
	return folders, nil
}

// Numbers are the main process of each of many services, 0 where there is none, and
// how often its Restart= has started it again since somebody last started it.
func (m *Manager) Numbers(ctx context.Context, units []string) (pids, restarts map[string]int, err error) {
	values, err := m.values(ctx, units, "Service.MainPID", "Service.NRestarts")
	pids, restarts = make(map[string]int), make(map[string]int)
	for unit, of := range values {
		pid, _ := of["Service.MainPID"].(uint32)
		count, _ := of["Service.NRestarts"].(uint32)
		pids[unit], restarts[unit] = int(pid), int(count)
	}
	return pids, restarts, err
}

// values are properties of each of many units, by unit and name: all that one has are
// 300, which takes systemd ten times as long. They are asked for at once, since on a
// busy machine each answer may have to wait for its turn on a CPU. The names have the
// end of their interface in front, such as Service.MainPID
// (org.freedesktop.systemd1(5)).
func (m *Manager) values(ctx context.Context, units []string, names ...string) (map[string]map[string]any, error) {
	out := make(map[string]map[string]any)
	for _, unit := range units {
		out[unit] = make(map[string]any)
	}
	var mu sync.Mutex
	asking, asked := errgroup.WithContext(ctx)
	asking.SetLimit(atATime)
	for _, unit := range units {
		for _, name := range names {
			asking.Go(func() error {
				kind, property, _ := strings.Cut(name, ".")
				value, err := query(asked, m, func(conn *sd.Conn) (*sd.Property, error) {
					return conn.GetUnitTypePropertyContext(asked, unit, kind, property)
				})
				if err != nil {
					return fmt.Errorf("read %s of %s: %w", property, unit, err)
				}
				mu.Lock()
				out[unit][name] = value.Value.Value()
				mu.Unlock()
				return nil
			})
		}
	}
	return out, asking.Wait()
}

// Service is what a service runs, under systemd's names (systemd.service(5)).
type Service struct {
	Dir, User, Restart string
	Exec               []string // ExecStart
}

// Services are what services run.
func (m *Manager) Services(ctx context.Context, units []string) (map[string]Service, error) {
	values, err := m.values(ctx, units, "Service.WorkingDirectory", "Service.User", "Service.Restart", "Service.ExecStart")
	out := make(map[string]Service)
	for unit, of := range values {
		var s Service
		s.Dir, _ = of["Service.WorkingDirectory"].(string)
		s.User, _ = of["Service.User"].(string)
		s.Restart, _ = of["Service.Restart"].(string)
		if lines, _ := of["Service.ExecStart"].([][]any); len(lines) > 0 && len(lines[0]) > 1 {
			s.Exec, _ = lines[0][1].([]string)
		}
		out[unit] = s
	}
	return out, err
}

// Environment is what Environment= of a service sets.
func (m *Manager) Environment(ctx context.Context, unit string) (map[string]string, error) {
	values, err := m.values(ctx, []string{unit}, "Service.Environment")
	if err != nil {
		return nil, err
	}
	entries, _ := values[unit]["Service.Environment"].([]string)
	env := make(map[string]string)
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env, nil
}
