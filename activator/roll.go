package activator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// roll is a rollout that is under way, or the next one.
type roll struct {
	*rollout.Roll
	why     string
	clients []*client
	// mark is what tells a successor of a roll in place.
	mark string
	// health: because of a health check, or of a hang. memory: because of this worker's memory;
	// nil where it is not.
	health bool
	memory *memoryUse
	// tried are called when the canary has settled, or failed: for surge workers that
	// are ready and wait for that.
	tried []func()
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
	if !a.overlaps() {
		return rollout.InPlace(a.parallel, instances)
	}
	return rollout.New(a.surges(len(instances)), a.parallel, instances)
}

// surges are the surge workers that stand in while n workers are replaced.
func (a *Activator) surges(n int) []int {
	surges := make([]int, max(1, min(a.surge, n)))
	for i := range surges {
		surges[i] = a.count + i
	}
	return surges
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
		if !a.overlaps() {
			replace = "restart"
		}
		a.aborted = ""
		a.tell(r, a.journal.as(rolloutStarted), "%s: %d of %d %s to %s", r.why, total, a.count, a.settings.noun(), replace)
	}
	a.runJobs(r.Begin())
}

// runJobs has the jobs of the roll done that may be done now.
func (a *Activator) runJobs(jobs []rollout.Job) {
	for _, job := range jobs {
		a.beginJob(job)
	}
	a.settle()
	a.report(a.notifier.extend(busyTime))
}

func (a *Activator) beginJob(job rollout.Job) {
	r := a.roll
	unit := a.settings.unit(job.Instance)
	j := a.journal.of(job.Instance)
	done, total := r.Progress()
	switch {
	case job.Verb != rollout.Stop && job.Instance == a.count:
		a.tell(r, j, "%s: starting %s as the canary", r.why, unit)
	case job.Verb != rollout.Stop && job.Instance > a.count:
		a.tell(r, j, "%s: starting %s to stand in", r.why, unit)
	case job.Verb == rollout.Restart && !a.overlaps():
		a.tell(r, j, "%s %d/%d: restarting %s", r.why, done, total, unit)
	case job.Verb == rollout.Restart:
		a.tell(r, j, "%s %d/%d: draining and restarting %s", r.why, done, total, unit)
	case job.Verb == rollout.Stop:
		a.tell(r, j, "%s: draining and stopping %s, which stood in", r.why, unit)
	}
	a.runJob(job, func(err error) {
		if err == nil && job.Verb != rollout.Stop && a.overlaps() {
			a.letSettle(r, job)
			return
		}
		a.endJob(r, job, err)
	})
}

// endJob goes on with a roll after a job, or ends it.
func (a *Activator) endJob(r *roll, job rollout.Job, err error) {
	a.tellFailure(r, job, err)
	trying := r.Trying()
	jobs := r.Next(job, err)
	a.advance(r, jobs)
	if trying && !r.Trying() {
		for _, tell := range r.tried {
			tell()
		}
	}
}

func (a *Activator) tellFailure(r *roll, job rollout.Job, err error) {
	unit := a.settings.unit(job.Instance)
	j := a.journal.of(job.Instance)
	switch {
	case err == nil:
	case errors.Is(err, rollout.ErrCanceled):
		a.overtaken = append(a.overtaken, job.Instance)
	case r.OnTrial(job.Instance):
		j.as(canaryFailed).err("%s: the canary %s failed: %v", r.why, unit, err)
	default:
		j.err("%s: %s of %s failed: %v", r.why, job.Verb, unit, err)
		a.followEnd(job.Instance)
	}
}

func (a *Activator) advance(r *roll, jobs []rollout.Job) {
	if r.Over() {
		a.endRoll()
		return
	}
	a.runJobs(jobs)
}

// letSettle ends the job of a worker that is ready. The canary has to stay up for
// the settle time first, while the other surge workers start, who then wait for it;
// its job has failed where it ends by itself within that time.
func (a *Activator) letSettle(r *roll, job rollout.Job) {
	begun := time.Now()
	w := a.workers[job.Instance]
	switch {
	case w == nil: // it ended before its job did
		a.endJob(r, job, shortLived(begun))
	case !r.Trying():
		a.keepUp(r, job, w, begun)
	default:
		over := false
		end := func(end func()) {
			if !over {
				over, w.ended = true, nil
				end()
			}
		}
		w.settling = true
		w.ended = func() { end(func() { a.endJob(r, job, shortLived(begun)) }) }
		settled := func() { end(func() { a.keepUp(r, job, w, begun) }) }
		if !r.OnTrial(job.Instance) {
			r.tried = append(r.tried, settled)
			return
		}
		time.AfterFunc(a.settings.SettleTime, func() { a.do(settled) })
		a.runJobs(r.CanaryReady())
	}
}

// keepUp ends the job of a worker that may serve, and takes the success back where
// it ends by itself within the settle time and the roll still goes on.
func (a *Activator) keepUp(r *roll, job rollout.Job, w *worker, begun time.Time) {
	if a.workers[job.Instance] != w {
		a.endJob(r, job, rollout.ErrCanceled) // somebody has stopped it
		return
	}
	w.settling = r.Err() != nil // then it is about to be stopped
	w.ended = func() {
		if a.roll == r && time.Since(begun) < a.settings.SettleTime {
			err := shortLived(begun)
			a.tellFailure(r, job, err)
			a.advance(r, r.Fail(job, err))
		}
	}
	a.endJob(r, job, nil)
}

// shortLived is why a worker counts as failed that was ready since begun.
func shortLived(begun time.Time) error {
	return fmt.Errorf("%w, after %s", rollout.ErrShortLived, time.Since(begun).Round(time.Millisecond))
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
	switch {
	case r.health:
		a.restrainHealth(r)
	case r.memory != nil:
		a.restrainMemory(r)
	}
	// Whoever waits for the answer may look at the status next.
	a.showStatus()
	r.answer(r.Err())
	a.restSoon(endGrace) // systemd is then asked for the last that was stopped (endOrphan)
	a.beginNext()
	a.settle()
}

// dismissSurge stops the surge workers that stayed after their roll had failed,
// when they are not needed any more.
func (a *Activator) dismissSurge() {
	if !a.overlaps() || a.roll != nil || !a.up || a.ready() < a.count {
		return
	}
	var surges []int
	for instance, w := range a.workers {
		if instance >= a.count && !w.dismissed {
			w.dismissed = true
			surges = append(surges, instance)
		}
	}
	if len(surges) > 0 {
		slices.Sort(surges)
		a.beginRoll(&roll{Roll: rollout.Leave(surges), why: "every worker is ready again"})
	}
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
	if len(r.clients) == 0 {
		return
	}
	done, total := r.Progress()
	step := control.Answer{Progress: fmt.Sprintf(format, args...), Roll: &control.Roll{Reason: r.why, Done: done, Total: total}}
	for _, c := range r.clients {
		c.answer(step)
	}
}

// resume goes on with a roll that the activator before this one was killed in.
// The canary is its trace, and the workers that are older than it are what is
// left to do. Surge workers without it are what the end of a roll has left over,
// and are stopped. Of a roll in place the trace is a mark.
func (a *Activator) resume(states map[int]systemd.State) {
	if a.was != a.count {
		a.rescale(states)
		return
	}
	a.markCount()
	canary := states[a.count]
	resumes := canary.Runs() && a.overlaps()
	var surges []int
	for instance, state := range states {
		switch {
		case instance < a.count || !state.Runs():
		case resumes && instance < a.count+a.surge:
			surges = append(surges, instance)
		default:
			a.journal.of(instance).notice("stopping %s, which is one too many", a.settings.unit(instance))
			a.runJob(rollout.Job{Verb: rollout.Stop, Instance: instance}, a.report)
		}
	}
	a.up = true
	defer a.beginNext()
	if !a.overlaps() {
		a.resumeFork(states)
		return
	}
	if !resumes {
		return
	}
	var left []int
	for _, instance := range a.everyone() {
		if states[instance].Begun < canary.Begun {
			left = append(left, instance)
		}
	}
	surges = append(surges, a.surges(len(left))...)
	slices.Sort(surges)
	surges = slices.Compact(surges)
	r := rollout.Resume(surges, a.parallel, left)
	if len(left) == 0 || canary.Leaves() {
		r = rollout.Leave(surges)
	}
	a.beginRoll(&roll{Roll: r, why: "resumed reload"})
}
