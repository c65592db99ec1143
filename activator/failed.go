package activator

import (
	"time"

	"github.com/gopm/gopm/activator/systemd"
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
			fate, err := a.manager.Fate(a.ctx, a.settings.unit(instance))
			if err != nil || fate == (systemd.Fate{}) {
				continue
			}
			a.do(func() {
				if over = a.ends[instance] == ended; !over {
					ended = a.ends[instance] // once more meanwhile
					return
				}
				delete(a.ends, instance)
				if fate.Failed != "" {
					a.tellFailed(instance, fate.Failed)
				}
			})
		}
	}()
}

func (a *Activator) tellFailed(instance int, how string) {
	a.journal.of(instance).as(workerFailed).err("%s has failed, and is not started again (%s); %d of %d %s are ready. When it is mended: gopm reload %s",
		a.settings.unit(instance), how, a.ready(), a.count, a.settings.noun(), a.settings.App)
}
