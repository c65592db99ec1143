package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRoll(t *testing.T) {
	broken := errors.New("exited with status 1")
	tests := map[string]struct {
		roll    *Roll // of targets, where it is not New
		targets []int
		results map[string]error // by job; nil where absent
		jobs    string
		err     string
	}{
		"all": {
			targets: []int{0, 1, 2},
			jobs:    "restart 3, restart 0, restart 1, restart 2, stop 3",
		},
		"resumed": {
			roll: Resume(3, []int{1, 2}),
			jobs: "start 3, restart 1, restart 2, stop 3",
		},
		"resumed with nothing left": {
			roll: Leave(3),
			jobs: "stop 3",
		},
		"one worker over its memory limit": {
			targets: []int{1},
			jobs:    "restart 3, restart 1, stop 3",
		},
		"broken release": {
			targets: []int{0, 1, 2},
			results: map[string]error{"restart 3": broken},
			jobs:    "restart 3, stop 3",
			err:     "canary 3 did not become ready: exited with status 1; no old worker was touched",
		},
		"third worker fails": {
			targets: []int{0, 1, 2},
			results: map[string]error{"restart 2": broken},
			jobs:    "restart 3, restart 0, restart 1, restart 2",
			err:     "restart of instance 2: exited with status 1; the roll stopped there",
		},
		"stopped in the middle": {
			targets: []int{0, 1, 2},
			results: map[string]error{"restart 0": ErrCanceled, "stop 3": ErrCanceled},
			jobs:    "restart 3, restart 0, stop 3",
			err:     "restart of instance 0: job canceled by another one; the roll stopped there",
		},
		"one by one": {
			roll: OneByOne([]int{0, 1, 2}),
			jobs: "restart 0, restart 1, restart 2",
		},
		"one by one, one over its memory limit": {
			roll: OneByOne([]int{1}),
			jobs: "restart 1",
		},
		"one by one, the first fails": {
			roll:    OneByOne([]int{0, 1}),
			results: map[string]error{"restart 0": broken},
			jobs:    "restart 0",
			err:     "restart of instance 0: exited with status 1; the roll stopped there",
		},
		"one by one, stopped in the middle": {
			roll:    OneByOne([]int{0, 1, 2}),
			results: map[string]error{"restart 1": ErrCanceled},
			jobs:    "restart 0, restart 1",
			err:     "restart of instance 1: job canceled by another one; the roll stopped there",
		},
		"surge worker cannot be stopped": {
			targets: []int{0},
			results: map[string]error{"stop 3": broken},
			jobs:    "restart 3, restart 0, stop 3",
			err:     "stop of instance 3: exited with status 1; the roll stopped there",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := test.roll
			if r == nil {
				r = New(3, slices.Clone(test.targets))
			}
			var jobs []string
			for job, ok := r.Begin(), true; ok; {
				jobs = append(jobs, fmt.Sprint(job.Verb, " ", job.Instance))
				job, ok = r.Next(test.results[jobs[len(jobs)-1]])
			}
			if got := strings.Join(jobs, ", "); got != test.jobs {
				t.Errorf("jobs are %q, want %q", got, test.jobs)
			}
			if got := fmt.Sprint(r.Err()); got != test.err && (test.err != "" || r.Err() != nil) {
				t.Errorf("error is %q, want %q", got, test.err)
			}
			if _, ok := r.Next(nil); ok {
				t.Error("a roll that is over has a next job")
			}
		})
	}
}
