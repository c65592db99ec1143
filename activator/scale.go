package activator

import (
	"fmt"
	"slices"

	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// The number of workers changes with the settings, which an activator reads when
// it begins: it is restarted for that, which loses nothing (gopm scale). What is
// left over of a larger number it must not take for the surge workers of a roll,
// so the number is known to a successor by a mark.

func countMark(count int) string { return fmt.Sprintf("count-%d", count) }

func parseCountMark(name string) (count int, ok bool) {
	_, err := fmt.Sscanf(name, "count-%d", &count)
	return count, err == nil && name == countMark(count)
}

// inheritCount takes the mark out of what is stored. There are two where the
// predecessor was killed between them; the larger leaves nobody over.
func (a *Activator) inheritCount(stored map[string]int) {
	marked := 0
	for name := range stored {
		if count, ok := parseCountMark(name); ok && take(stored, name) {
			marked = max(marked, count)
			if count == a.count {
				a.counted = true
			} else {
				a.oldCounts = append(a.oldCounts, name)
			}
		}
	}
	if marked > 0 {
		a.was = marked
	}
}

// markCount tells a successor how many workers there are, now that there are.
func (a *Activator) markCount() {
	if !a.counted {
		a.report(a.notifier.mark(countMark(a.count)))
	}
	for _, name := range a.oldCounts {
		a.report(a.notifier.forget(name))
	}
	a.counted, a.oldCounts, a.was = true, nil, a.count
}

// wasCut tells whether a predecessor of another number of workers was ended in
// the middle of a roll.
func (a *Activator) wasCut(states map[int]systemd.State) bool {
	switch {
	case a.was == a.count:
		return false
	case a.overlaps():
		return states[a.was].Runs() // its canary
	}
	return a.interrupted != 0
}

// rescale drains and stops the workers that are too many. Nothing else begins
// before that is done: their numbers are those of surge workers now.
func (a *Activator) rescale(states map[int]systemd.State) {
	var surplus []int
	for instance, state := range states {
		if instance >= a.count && state.Runs() {
			surplus = append(surplus, instance)
		}
	}
	slices.Sort(surplus)
	stopping := len(surplus)
	ended := func() {
		if stopping == 0 {
			a.begin()
		}
	}
	for _, instance := range surplus {
		a.journal.of(instance).info("draining and stopping %s: there are %d %s now, not %d", a.settings.unit(instance), a.count, a.settings.noun(), a.was)
		a.runJob(rollout.Job{Verb: rollout.Stop, Instance: instance}, func(err error) {
			a.report(err)
			stopping--
			ended()
		})
	}
	ended()
}

// begin lets rolls begin, the first in place of one that was cut off.
func (a *Activator) begin() {
	a.markCount()
	a.up = true
	if a.cut && a.next == nil {
		a.next = &roll{Roll: a.newRoll(a.everyone()), why: "resumed reload"}
	}
	a.cut, a.interrupted = false, 0
	a.beginNext()
	a.settle()
}
