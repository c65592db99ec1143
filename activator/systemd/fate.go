package systemd

import "context"

// Fate is what became of a unit that had ended; the zero value where that is
// not settled.
type Fate struct {
	Failed string // how, where it has
	Other  bool   // it runs, or was stopped
}

// Fate tells what became of a unit that had ended.
func (m *Manager) Fate(ctx context.Context, unit string) (Fate, error) {
	state, err := m.State(ctx, unit)
	if err != nil {
		return Fate{}, err
	}
	switch state.Active {
	case "failed":
		return Fate{Failed: m.ending(ctx, unit)}, nil
	case "active", "inactive":
		return Fate{Other: true}, nil
	}
	return Fate{}, nil
}
