// Package rollout decides in which order workers are replaced. It is pure: it
// is told what happened and answers with what to do next; it has no clock and
// no bus.
package rollout

import (
	"errors"
	"fmt"
	"slices"
)

// ErrCanceled is why a job ended whose place another one took, such as the
// stop of the whole app.
var ErrCanceled = errors.New("job canceled by another one")

// ErrShortLived is why a worker counts as failed that was ready, and ended by
// itself so soon that its release is to blame.
var ErrShortLived = errors.New("ended by itself soon after it was ready")

// Verb is what a job does to an instance.
type Verb string

// The verbs, as systemd calls its jobs.
const (
	Start   Verb = "start"
	Restart Verb = "restart"
	Stop    Verb = "stop"
)

// Job is one thing to do to one instance. It is over when the instance is
// ready, or stopped.
type Job struct {
	Verb     Verb
	Instance int
}

// AbortedError is why a roll did not replace every worker.
type AbortedError struct {
	Job Job
	// Untouched: no old worker was touched, since a surge worker failed: the
	// canary or, where that is not set, one that came after it.
	Untouched bool
	Canary    bool
	Err       error
}

func (e *AbortedError) Error() string {
	who := "surge worker"
	if e.Canary {
		who = "canary"
	}
	became := "did not become ready"
	if errors.Is(e.Err, ErrShortLived) {
		became = "did not stay up"
	}
	if e.Untouched {
		return fmt.Sprintf("%s %d %s: %v; no old worker was touched", who, e.Job.Instance, became, e.Err)
	}
	return fmt.Sprintf("%s of instance %d: %v; the roll stopped there", e.Job.Verb, e.Job.Instance, e.Err)
}

func (e *AbortedError) Unwrap() error { return e.Err }

// phase is how far a roll is; each begins when the jobs of the one before are
// over.
type phase int

const (
	canary  phase = iota // the first surge worker starts, and shows that it stays up
	surging              // the other ones start, where they have not yet
	rolling              // old workers are replaced
	leaving              // the surge workers stop
	over
)

// Roll replaces instances, a few at a time, in most cases while as many surge
// workers stand in, so that there are never fewer workers than before.
//
// The first surge worker is also the canary: it is the first to run the new
// release, and where it does not become ready nothing else is touched.
type Roll struct {
	surges   []int
	parallel int
	targets  []int // still to be restarted
	total    int
	first    Verb // what is done to the surge workers at the beginning
	phase    phase
	ahead    bool // the other surge workers have begun to start beside the canary
	running  []Job
	err      error
}

// New is a roll of targets, in their order and parallel at a time, with surges
// standing in; there has to be one at least. Those that are left over from
// before are restarted: they have to run what the others will.
func New(surges []int, parallel int, targets []int) *Roll {
	return &Roll{surges: surges, parallel: parallel, targets: targets, total: len(targets), first: Restart}
}

// Resume is what is left of a roll whose canary runs or starts. The other surge
// workers are younger than it, so they too run what it runs.
func Resume(surges []int, parallel int, targets []int) *Roll {
	r := New(surges, parallel, targets)
	r.first = Start
	return r
}

// InPlace is a roll of targets without a surge worker: of instances that must
// never run twice. There has to be a target.
func InPlace(parallel int, targets []int) *Roll {
	return &Roll{parallel: parallel, targets: targets, total: len(targets), phase: rolling}
}

// Leave is the end of a roll: only the surge workers are still to go.
func Leave(surges []int) *Roll { return &Roll{surges: surges, phase: leaving} }

// Begin is the first jobs.
func (r *Roll) Begin() []Job { return r.enter(r.phase) }

// CanaryReady is called when the canary is ready and only has to stay up for a
// while: the other surge workers may start meanwhile. Its own job is not over. They
// are to serve nobody until it is, for whether the release is any good is not known.
func (r *Roll) CanaryReady() []Job {
	if r.phase != canary || r.ahead || r.err != nil {
		return nil
	}
	r.ahead = true
	jobs := all(r.first, r.surges[1:])
	r.running = append(r.running, jobs...)
	return jobs
}

// Next takes the result of a job and gives those that it allows. The roll is
// over when there is none and none runs.
func (r *Roll) Next(done Job, result error) []Job {
	r.running = slices.DeleteFunc(r.running, func(j Job) bool { return j == done })
	if result != nil {
		r.fail(done, result)
	}
	switch {
	case r.phase == rolling && len(r.targets) > 0:
		return r.refill()
	case len(r.running) > 0 || r.phase == over:
		if r.OnTrial(done.Instance) {
			r.phase = surging
		}
		return nil
	}
	return r.enter(r.after())
}

// Fail takes back the success of a job, whose worker has ended after all, and
// gives the jobs that this allows.
func (r *Roll) Fail(job Job, why error) []Job {
	if r.phase == over {
		return nil
	}
	r.fail(job, why)
	if len(r.running) > 0 {
		return nil
	}
	return r.enter(r.after())
}

// fail takes a failed job's reason for the roll's, unless there is one already:
// what could not be stopped is systemd's to report, and the first reason says
// more.
func (r *Roll) fail(job Job, result error) {
	r.targets = nil
	if r.err == nil {
		r.err = &AbortedError{Job: job, Untouched: r.phase < rolling, Canary: r.OnTrial(job.Instance), Err: result}
	}
}

// after is the phase that follows when no job runs.
func (r *Roll) after() phase {
	switch {
	case r.phase < rolling && r.err != nil:
		return leaving
	case r.phase == rolling && r.err != nil && !errors.Is(r.err, ErrCanceled):
		return over // the surge workers go on standing in for who has failed
	}
	return r.phase + 1
}

// enter begins a phase, or the next that has something to do.
func (r *Roll) enter(p phase) []Job {
	for r.phase = p; r.phase < over; r.phase++ {
		var jobs []Job
		switch r.phase {
		case canary:
			jobs = []Job{{r.first, r.surges[0]}}
		case surging:
			if !r.ahead {
				jobs = all(r.first, r.surges[1:])
			}
		case rolling:
			jobs = r.refill()
			if len(jobs) > 0 {
				return jobs
			}
		case leaving:
			// After an abort those that never started are stopped too, which
			// changes nothing.
			jobs = all(Stop, r.surges)
		}
		if len(jobs) > 0 {
			r.running = append(r.running, jobs...)
			return jobs
		}
	}
	return nil
}

// refill restarts as many targets as may be restarted at a time.
func (r *Roll) refill() []Job {
	n := min(len(r.targets), r.parallel-len(r.running))
	jobs := all(Restart, r.targets[:n])
	r.targets = r.targets[n:]
	r.running = append(r.running, jobs...)
	return jobs
}

func all(verb Verb, instances []int) []Job {
	var jobs []Job
	for _, i := range instances {
		jobs = append(jobs, Job{verb, i})
	}
	return jobs
}

// Running are the jobs that are not over, in the order in which they began.
func (r *Roll) Running() []Job { return slices.Clone(r.running) }

// Trying tells whether nothing is known yet of the release: the canary has yet to
// become ready and to show that it stays up.
func (r *Roll) Trying() bool { return r.phase == canary }

// OnTrial tells whether an instance is the canary of a roll that waits for it.
func (r *Roll) OnTrial(instance int) bool { return r.Trying() && instance == r.surges[0] }

// Over tells whether nothing is left to do.
func (r *Roll) Over() bool { return r.phase == over }

// Err is why the roll was aborted; nil while it goes well.
func (r *Roll) Err() error { return r.err }

// Progress is how many targets are done or in work, of how many.
func (r *Roll) Progress() (done, total int) { return r.total - len(r.targets), r.total }
