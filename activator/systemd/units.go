package systemd

import (
	"context"
	"encoding/json"
	"fmt"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sync/errgroup"
)

// atATime is how many questions may be under way: the bus drops a connection's
// questions over 128 (max_replies_per_connection, dbus-daemon(1)).
const atATime = 64

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

// Folders are where the manager looks for units, the first found being the one
// that counts (UnitPath in org.freedesktop.systemd1(5)).
func (m *Manager) Folders(ctx context.Context) ([]string, error) {
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

// Service is what ls wants to know of a service beside its Unit.
type Service struct {
	PID      int // of the main process; 0 where there is none
	Restarts int // by Restart=, since it was last started or forgiven
}

// Services reads services, many at a time: two properties, because all of them
// are 300, which takes systemd ten times as long.
func (m *Manager) Services(ctx context.Context, units []string) (map[string]Service, error) {
	services := make([]Service, len(units))
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atATime)
	for i, unit := range units {
		asking.Go(func() error {
			pid, err := m.serviceProperty(ctx, unit, "MainPID")
			services[i].PID = int(pid)
			return err
		})
		asking.Go(func() error {
			restarts, err := m.serviceProperty(ctx, unit, "NRestarts")
			services[i].Restarts = int(restarts)
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	out := make(map[string]Service)
	for i, unit := range units {
		out[unit] = services[i]
	}
	return out, nil
}

func (m *Manager) serviceProperty(ctx context.Context, unit, name string) (uint32, error) {
	property, err := query(ctx, m, func(conn *sd.Conn) (*sd.Property, error) {
		return conn.GetServicePropertyContext(ctx, unit, name)
	})
	if err != nil {
		return 0, fmt.Errorf("read %s of %s: %w", name, unit, err)
	}
	value, _ := property.Value.Value().(uint32)
	return value, nil
}
