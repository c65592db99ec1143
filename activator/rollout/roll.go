// Package rollout decides in which order workers are replaced. It is pure: it
// is told what happened and answers with what to do next; it has no clock and
// no bus.
package rollout

import (
	"errors"
	"fmt"
)

// none is the surge worker of a roll that has none.
const none = -1

// ErrCanceled is why a job ended whose place another one took, such as the
// stop of the whole app.
var ErrCanceled = errors.New("job canceled by another one")

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
	// Canary: no old worker was touched.
	Canary bool
	Err    error
}

func (e *AbortedError) Error() string {
	if e.Canary {
		return fmt.Sprintf("canary %d did not become ready: %v; no old worker was touched", e.Job.Instance, e.Err)
	}
	return fmt.Sprintf("%s of instance %d: %v; the roll stopped there", e.Job.Verb, e.Job.Instance, e.Err)
}

func (e *AbortedError) Unwrap() error { return e.Err }

// Roll replaces instances one by one, in most cases while a surge worker stands
// in, so that there are never fewer workers than before.
//
// The surge worker is also the canary: it is the first to run the new release,
// and where it does not become ready nothing else is touched.
type Roll struct {
	surge   int
	targets []int // still to be restarted
	total   int
	first   Verb // what is done to the surge worker at the beginning
	job     Job
	begun   bool // an old worker has been touched
	over    bool
	err     error
}

// New is a roll of targets, in their order, with surge standing in. A surge
// worker that is left over from before is restarted: the canary has to run
// what the others will.
func New(surge int, targets []int) *Roll {
	return &Roll{surge: surge, targets: targets, total: len(targets), first: Restart}
}

// Resume is what is left of a roll whose surge worker runs or starts.
func Resume(surge int, targets []int) *Roll {
	return &Roll{surge: surge, targets: targets, total: len(targets), first: Start}
}

// OneByOne is a roll of targets, in their order, without a surge worker: of
// instances that must never run twice. There has to be a target.
func OneByOne(targets []int) *Roll {
	return &Roll{surge: none, targets: targets, total: len(targets)}
}

// Leave is the end of a roll: only the surge worker is still to go.
func Leave(surge int) *Roll { return &Roll{surge: surge, first: Stop} }

// Begin is the first job.
func (r *Roll) Begin() Job {
	if r.surge == none {
		return r.restartNext()
	}
	r.job = Job{r.first, r.surge}
	return r.job
}

func (r *Roll) restartNext() Job {
	r.job = Job{Restart, r.targets[0]}
	r.targets = r.targets[1:]
	r.begun = true
	return r.job
}

// Next takes the result of the job before and gives the next one; ok is false
// when the roll is over.
func (r *Roll) Next(result error) (job Job, ok bool) {
	switch {
	case r.over:
		return Job{}, false
	case r.job.Verb == Stop:
		// What could not be stopped is systemd's to report; a roll's own error
		// says more.
		if r.err == nil && result != nil {
			r.err = &AbortedError{Job: r.job, Err: result}
		}
		r.over = true
		return Job{}, false
	case result != nil:
		r.err = &AbortedError{Job: r.job, Canary: !r.begun, Err: result}
		if r.surge == none || r.begun && !errors.Is(result, ErrCanceled) {
			// The surge worker goes on standing in for the one that failed.
			r.over = true
			return Job{}, false
		}
		r.targets = nil
	}
	switch {
	case len(r.targets) > 0:
		return r.restartNext(), true
	case r.surge == none:
		r.over = true
		return Job{}, false
	}
	r.job = Job{Stop, r.surge}
	return r.job, true
}

// Err is why the roll was aborted; nil while it goes well.
func (r *Roll) Err() error { return r.err }

// Progress is how many targets are done or in work, of how many.
func (r *Roll) Progress() (done, total int) { return r.total - len(r.targets), r.total }
