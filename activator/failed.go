package activator

import (
	"context"
	"time"
)

// failedTick is how often systemd is asked what becomes of an instance that has
// ended by itself, while it is being started again.
const failedTick = time.Second

// followEnd tells, where it comes to that, that systemd starts an instance no
// more, which ended by itself or did not start: because of its limit of starts
// (StartLimitBurst=) or its Restart=. To be told of that by systemd means to be
// woken by each change of each unit on the machine.
func (a *Activator) followEnd(instance int) {
	if instance >= a.count {
		return // a surge worker: its roll tells
	}
	a.ends[instance]++
	if a.ends[instance] > 1 {
		return
	}
	go func() {
		tick := time.NewTicker(failedTick)
		defer tick.Stop()
		for ended, over := 1, false; !over; {
			select {
			case <-a.ctx.Done():
				return
			case <-tick.C:
			}
			fate, err := a.manager.fate(a.ctx, a.settings.unit(instance))
			if err != nil || fate == (fateOf{}) {
				continue
			}
			a.do(func() {
				if over = a.ends[instance] == ended; !over {
					ended = a.ends[instance] // once more meanwhile
					return
				}
				delete(a.ends, instance)
				if fate.failed != "" {
					a.tellFailed(instance, fate.failed)
				}
			})
		}
	}()
}

func (a *Activator) tellFailed(instance int, how string) {
	a.journal.of(instance).as(workerFailed).err("%s has failed, and systemd does not start it again (%s); %d of %d %s are ready. When it is mended: systemctl reload %s",
		a.settings.unit(instance), how, a.ready(), a.count, a.settings.noun(), a.settings.target())
}

// fateOf is what became of a unit that had ended; the zero value where that is
// not settled.
type fateOf struct {
	failed string // how, where it has
	other  bool   // it runs, or was stopped
}

func (m *manager) fate(ctx context.Context, unit string) (fateOf, error) {
	state, err := m.stateOf(ctx, unit)
	if err != nil {
		return fateOf{}, err
	}
	switch state.active {
	case "failed":
		return fateOf{failed: m.ending(ctx, unit)}, nil
	case "active", "inactive":
		return fateOf{other: true}, nil
	}
	return fateOf{}, nil
}
