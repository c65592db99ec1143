package systemd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"github.com/gopm/gopm/activator/rollout"
)

// What people ask for, beside what the activator does.

// Reload is what a job does to a unit that goes on.
const Reload rollout.Verb = "reload"

// ErrDenied tells that systemd does this for root, and for whom polkit(8) lets.
var ErrDenied = errors.New("access denied")

// denials are what systemd answers then: with polkit and without, and the bus
// where it does not let the question through.
var denials = []string{
	"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
	"org.freedesktop.DBus.Error.AccessDenied",
	"org.freedesktop.PolicyKit1.Error.NotAuthorized",
}

// denied makes ErrDenied of an answer that is one.
func denied(err error) error {
	var refused dbus.Error
	if errors.As(err, &refused) && slices.Contains(denials, refused.Name) {
		return fmt.Errorf("%w: %w", ErrDenied, err)
	}
	return err
}

// Do makes a job as systemctl(1) does, with all that belongs to the unit, and
// waits for its end.
func (m *Manager) Do(ctx context.Context, verb rollout.Verb, unit string) error {
	return m.job(ctx, verb, unit, "replace")
}

// ReadUnits has systemd read the files of all units anew (systemctl
// daemon-reload).
func (m *Manager) ReadUnits(ctx context.Context) error {
	_, err := query(ctx, m, func(conn *sd.Conn) (any, error) { return nil, conn.ReloadContext(ctx) })
	if err != nil {
		return fmt.Errorf("have systemd read its units: %w", denied(err))
	}
	return nil
}
