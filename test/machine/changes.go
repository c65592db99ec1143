package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	godbus "github.com/godbus/dbus/v5"
)

// A Change is one that systemd announces: a unit's property has a value.
type Change struct {
	Unit, Property string
	Value          any
}

func (c Change) String() string { return fmt.Sprintf("%s: %s is %v", c.Unit, c.Property, c.Value) }

// Changes sends what systemd announces about properties with one of the names,
// in the order in which it does, until ctx ends. The journal tells of the same
// up to 250 ms later (journald's POST_CHANGE_TIMER_INTERVAL_USEC).
func (m *Machine) Changes(ctx context.Context, properties ...string) (<-chan Change, error) {
	conn, err := m.bus()
	if err != nil {
		return nil, err
	}
	// Each is a few hundred bytes; what is full makes the bus cut us off.
	const most = 4096
	signals := make(chan *godbus.Signal, most)
	conn.Signal(signals)
	err = conn.AddMatchSignalContext(ctx, godbus.WithMatchInterface("org.freedesktop.DBus.Properties"), godbus.WithMatchMember("PropertiesChanged"))
	if err == nil {
		err = conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").CallWithContext(ctx, "org.freedesktop.systemd1.Manager.Subscribe", 0).Err
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("subscribe to systemd: %w", err)
	}
	changes := make(chan Change)
	go func() {
		defer close(changes)
		defer conn.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case signal, open := <-signals:
				if !open {
					return
				}
				for _, change := range changesOf(signal, properties) {
					select {
					case <-ctx.Done():
						return
					case changes <- change:
					}
				}
			}
		}
	}()
	return changes, nil
}

func changesOf(signal *godbus.Signal, properties []string) []Change {
	escaped, ok := strings.CutPrefix(string(signal.Path), "/org/freedesktop/systemd1/unit/")
	if !ok || len(signal.Body) < 2 {
		return nil
	}
	values, _ := signal.Body[1].(map[string]godbus.Variant)
	var changes []Change
	for name, value := range values {
		if slices.Contains(properties, name) {
			changes = append(changes, Change{unescapePath(escaped), name, value.Value()})
		}
	}
	return changes
}

// unescapePath turns "my_2dapi_400_2eservice" into "my-api@0.service"
// (sd_bus_path_encode(3)).
func unescapePath(escaped string) string {
	var name strings.Builder
	for i := 0; i < len(escaped); i++ {
		var c byte
		if n, err := fmt.Sscanf(escaped[i:min(i+3, len(escaped))], "_%02x", &c); n == 1 && err == nil {
			name.WriteByte(c)
			i += 2
			continue
		}
		name.WriteByte(escaped[i])
	}
	return name.String()
}
