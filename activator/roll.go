package activator

import (
	"errors"
	"runtime/debug"

	"github.com/gopm/gopm/activator/rollout"
)

// roll is a rollout that is under way, or the next one.
type roll struct {
	*rollout.Roll
	why     string
	job     rollout.Job
	clients []*client
	// mark is what tells a successor of the roll, in fork mode.
	mark string
	// health: because of a health check.
	health bool
}

// reload replaces every worker and answers c at the end. During a roll it is
// the next one: workers that were already replaced may run what is now old.
func (a *Activator) reload(c *client) {
	if a.next == nil {
		a.next = &roll{Roll: a.newRoll(a.everyone()), why: "reload"}
	}
	a.next.clients = append(a.next.clients, c)
	if a.roll != nil {
		c.progress("waiting for the roll that is under way")
	}
	a.beginNext()
}

// newRoll is a roll of some instances.
func (a *Activator) newRoll(instances []int) *rollout.Roll {
	if a.settings.Fork {
		return rollout.OneByOne(instances)
	}
	return rollout.New(a.count, instances)
}

// beginNext begins what was asked for, when nothing stands against it.
func (a *Activator) beginNext() {
	if next := a.next; next != nil && a.roll == nil && a.up {
		a.next = nil
		a.beginRoll(next)
	}
}

func (a *Activator) everyone() []int {
	all := make([]int, a.count)
	for i := range all {
		all[i] = i
	}
	return all
}

func (a *Activator) beginRoll(r *roll) {
	a.roll = r
	if _, total := r.Progress(); total > 0 {
		a.markRoll(r, total)
		replace := "replace"
		if a.settings.Fork {
			replace = "restart"
		}
		a.aborted = ""
		a.tell(r, a.journal.as(rolloutStarted), "%s: %d of %d %s to %s", r.why, total, a.count, a.settings.noun(), replace)
	}
	a.runRoll(r.Begin())
}

func (a *Activator) runRoll(job rollout.Job) {
	r := a.roll
	r.job = job
	unit := a.settings.unit(job.Instance)
	j := a.journal.of(job.Instance)
	done, total := r.Progress()
	switch {
	case job.Verb != rollout.Stop && job.Instance == a.count:
		a.tell(r, j, "%s: starting %s as the canary", r.why, unit)
	case job.Verb == rollout.Restart && a.settings.Fork:
		a.tell(r, j, "%s %d/%d: restarting %s", r.why, done, total, unit)
	case job.Verb == rollout.Restart:
		a.tell(r, j, "%s %d/%d: draining and restarting %s", r.why, done, total, unit)
	case job.Verb == rollout.Stop:
		a.tell(r, j, "%s: draining and stopping %s, which stood in", r.why, unit)
	}
	a.settle()
	a.report(a.notifier.extend(busyTime))
	a.runJob(job, func(err error) {
		switch {
		case errors.Is(err, rollout.ErrCanceled):
			a.overtaken = append(a.overtaken, job.Instance)
		case err != nil && job.Verb != rollout.Stop && job.Instance == a.count && !a.settings.Fork:
			j.as(canaryFailed).err("%s: the canary %s failed: %v", r.why, unit, err)
		}
		if job, ok := r.Next(err); ok {
			a.runRoll(job)
			return
		}
		a.endRoll()
	})
}

func (a *Activator) endRoll() {
	r := a.roll
	a.roll = nil
	if r.mark != "" {
		a.report(a.notifier.forget(r.mark))
	}
	if err := r.Err(); err != nil {
		a.aborted = err.Error()
		a.journal.as(rolloutAborted).err("%s: aborted: %v", r.why, err)
	} else {
		a.tell(r, a.journal.as(rolloutFinished), "%s: done", r.why)
	}
	a.restrain(r)
	r.answer(r.Err())
	// A roll is the only time when much is allocated; what is next may be days
	// of waiting.
	debug.FreeOSMemory()
	a.beginNext()
	a.settle()
}

// dismissSurge stops a surge worker that stayed after its roll had failed, when
// it is not needed any more.
func (a *Activator) dismissSurge() {
	surge := a.workers[a.count]
	if a.settings.Fork || surge == nil || surge.dismissed || a.roll != nil || !a.up || a.ready() < a.count {
		return
	}
	surge.dismissed = true
	a.beginRoll(&roll{Roll: rollout.Leave(a.count), why: "every worker is ready again"})
}

// answer ends the wait of everyone who asked for the roll.
func (r *roll) answer(err error) {
	for _, c := range r.clients {
		c.finish(err)
	}
	r.clients = nil
}

// tell writes one line to the journal j and to everyone who waits for the roll.
func (a *Activator) tell(r *roll, j journal, format string, args ...any) {
	j.info(format, args...)
	for _, c := range r.clients {
		c.progress(format, args...)
	}
}

// resume goes on with a roll that the activator before this one was killed in.
// A running surge worker is its trace, and the workers that are older than it
// are what is left to do. Any other instance beyond the count is stopped. In
// fork mode the trace is a mark.
func (a *Activator) resume(states map[int]unitState) {
	for instance, state := range states {
		if (instance > a.count || instance == a.count && a.settings.Fork) && state.runs() {
			a.journal.of(instance).notice("stopping %s, which is one too many", a.settings.unit(instance))
			a.runJob(rollout.Job{Verb: rollout.Stop, Instance: instance}, a.report)
		}
	}
	a.up = true
	defer a.beginNext()
	if a.settings.Fork {
		a.resumeFork(states)
		return
	}
	surge := states[a.count]
	if !surge.runs() {
		return
	}
	var left []int
	for _, instance := range a.everyone() {
		if states[instance].begun < surge.begun {
			left = append(left, instance)
		}
	}
	r := rollout.Resume(a.count, left)
	if len(left) == 0 || surge.leaves() {
		r = rollout.Leave(a.count)
	}
	a.beginRoll(&roll{Roll: r, why: "resumed reload"})
}
