package rollout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var errBroken = errors.New("exited with status 1")

func TestRoll(t *testing.T) {
	tests := map[string]struct {
		roll    *Roll
		results map[string]error // by job; nil where absent
		// jobs are those that begin at a time; the one that has run longest ends
		// first.
		jobs string
		err  string
	}{
		"all": {
			roll: New([]int{3}, 1, []int{0, 1, 2}),
			jobs: "restart 3; restart 0; restart 1; restart 2; stop 3",
		},
		"two at a time": {
			roll: New([]int{5, 6}, 2, []int{0, 1, 2, 3, 4}),
			jobs: "restart 5; restart 6; restart 0, restart 1; restart 2; restart 3; restart 4; stop 5, stop 6",
		},
		"three at a time": {
			roll: New([]int{4, 5, 6}, 3, []int{0, 1, 2, 3}),
			jobs: "restart 4; restart 5, restart 6; restart 0, restart 1, restart 2; restart 3; stop 4, stop 5, stop 6",
		},
		"more stand in than are replaced at a time": {
			roll: New([]int{2, 3}, 1, []int{0, 1}),
			jobs: "restart 2; restart 3; restart 0; restart 1; stop 2, stop 3",
		},
		"resumed": {
			roll: Resume([]int{3}, 1, []int{1, 2}),
			jobs: "start 3; restart 1; restart 2; stop 3",
		},
		"two at a time, resumed": {
			roll: Resume([]int{4, 5}, 2, []int{1, 3}),
			jobs: "start 4; start 5; restart 1, restart 3; stop 4, stop 5",
		},
		"resumed with nothing left": {
			roll: Leave([]int{3, 4}),
			jobs: "stop 3, stop 4",
		},
		"one worker over its memory limit": {
			roll: New([]int{3}, 1, []int{1}),
			jobs: "restart 3; restart 1; stop 3",
		},
		"broken release": {
			roll:    New([]int{3}, 1, []int{0, 1, 2}),
			results: map[string]error{"restart 3": errBroken},
			jobs:    "restart 3; stop 3",
			err:     "canary 3 did not become ready: exited with status 1; no old worker was touched",
		},
		"two at a time, broken release": {
			roll:    New([]int{3, 4}, 2, []int{0, 1, 2}),
			results: map[string]error{"restart 3": errBroken},
			jobs:    "restart 3; stop 3, stop 4",
			err:     "canary 3 did not become ready: exited with status 1; no old worker was touched",
		},
		"three at a time, second surge worker fails": {
			roll:    New([]int{3, 4, 5}, 3, []int{0, 1, 2}),
			results: map[string]error{"restart 4": errBroken},
			jobs:    "restart 3; restart 4, restart 5; stop 3, stop 4, stop 5",
			err:     "surge worker 4 did not become ready: exited with status 1; no old worker was touched",
		},
		"third worker fails": {
			roll:    New([]int{4}, 1, []int{0, 1, 2, 3}),
			results: map[string]error{"restart 2": errBroken},
			jobs:    "restart 4; restart 0; restart 1; restart 2",
			err:     "restart of instance 2: exited with status 1; the roll stopped there",
		},
		"two at a time, first worker fails": {
			roll:    New([]int{4, 5}, 2, []int{0, 1, 2, 3}),
			results: map[string]error{"restart 0": errBroken},
			jobs:    "restart 4; restart 5; restart 0, restart 1",
			err:     "restart of instance 0: exited with status 1; the roll stopped there",
		},
		"stopped in the middle": {
			roll:    New([]int{3}, 1, []int{0, 1, 2}),
			results: map[string]error{"restart 0": ErrCanceled, "stop 3": ErrCanceled},
			jobs:    "restart 3; restart 0; stop 3",
			err:     "restart of instance 0: job canceled by another one; the roll stopped there",
		},
		"two at a time, stopped in the middle": {
			roll:    New([]int{4, 5}, 2, []int{0, 1, 2, 3}),
			results: map[string]error{"restart 1": ErrCanceled},
			jobs:    "restart 4; restart 5; restart 0, restart 1; restart 2; stop 4, stop 5",
			err:     "restart of instance 1: job canceled by another one; the roll stopped there",
		},
		"one by one": {
			roll: InPlace(1, []int{0, 1, 2}),
			jobs: "restart 0; restart 1; restart 2",
		},
		"in place, two at a time": {
			roll: InPlace(2, []int{0, 1, 2}),
			jobs: "restart 0, restart 1; restart 2",
		},
		"one by one, one over its memory limit": {
			roll: InPlace(1, []int{1}),
			jobs: "restart 1",
		},
		"one by one, the first fails": {
			roll:    InPlace(1, []int{0, 1}),
			results: map[string]error{"restart 0": errBroken},
			jobs:    "restart 0",
			err:     "restart of instance 0: exited with status 1; the roll stopped there",
		},
		"one by one, stopped in the middle": {
			roll:    InPlace(1, []int{0, 1, 2}),
			results: map[string]error{"restart 1": ErrCanceled},
			jobs:    "restart 0; restart 1",
			err:     "restart of instance 1: job canceled by another one; the roll stopped there",
		},
		"surge worker cannot be stopped": {
			roll:    New([]int{3}, 1, []int{0}),
			results: map[string]error{"stop 3": errBroken},
			jobs:    "restart 3; restart 0; stop 3",
			err:     "stop of instance 3: exited with status 1; the roll stopped there",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := test.roll
			var steps []string
			for begun := r.Begin(); ; {
				var jobs []string
				for _, job := range begun {
					jobs = append(jobs, fmt.Sprint(job.Verb, " ", job.Instance))
				}
				if len(jobs) > 0 {
					steps = append(steps, strings.Join(jobs, ", "))
				}
				running := r.Running()
				if len(running) == 0 {
					break
				}
				begun = r.Next(running[0], test.results[fmt.Sprint(running[0].Verb, " ", running[0].Instance)])
			}
			if got := strings.Join(steps, "; "); got != test.jobs {
				t.Errorf("jobs are %q, want %q", got, test.jobs)
			}
			if got := fmt.Sprint(r.Err()); got != test.err && (test.err != "" || r.Err() != nil) {
				t.Errorf("error is %q, want %q", got, test.err)
			}
			if !r.Over() {
				t.Error("the roll is not over, and nothing runs")
			}
		})
	}
}

// While the canary shows that it stays up the other surge workers start.
func TestCanaryReady(t *testing.T) {
	type end struct {
		job Job
		err error
	}
	canary, other := Job{Restart, 4}, Job{Restart, 5}
	begin := func() *Roll { return New([]int{4, 5}, 2, []int{0, 1, 2}) }
	tests := map[string]struct {
		roll *Roll
		ends []end
		jobs string // that begin with each of them
		err  string
	}{
		"the canary settles first": {
			roll: begin(), ends: []end{{canary, nil}, {other, nil}},
			jobs: "[], [{restart 0} {restart 1}]",
		},
		"the other is ready first": {
			roll: begin(), ends: []end{{other, nil}, {canary, nil}},
			jobs: "[], [{restart 0} {restart 1}]",
		},
		"the canary fails": {
			roll: begin(), ends: []end{{canary, ErrShortLived}, {other, nil}},
			jobs: "[], [{stop 4} {stop 5}]",
			err:  "canary 4 did not stay up: ended by itself soon after it was ready; no old worker was touched",
		},
		"the canary fails after the other is ready": {
			roll: begin(), ends: []end{{other, nil}, {canary, ErrShortLived}},
			jobs: "[], [{stop 4} {stop 5}]",
			err:  "canary 4 did not stay up: ended by itself soon after it was ready; no old worker was touched",
		},
		"the other fails": {
			roll: begin(), ends: []end{{other, errBroken}, {canary, nil}},
			jobs: "[], [{stop 4} {stop 5}]",
			err:  "surge worker 5 did not become ready: exited with status 1; no old worker was touched",
		},
		"both fail": {
			roll: begin(), ends: []end{{canary, ErrShortLived}, {other, errBroken}},
			jobs: "[], [{stop 4} {stop 5}]",
			err:  "canary 4 did not stay up: ended by itself soon after it was ready; no old worker was touched",
		},
		"resumed": {
			roll: Resume([]int{4, 5}, 2, []int{2}), ends: []end{{Job{Start, 4}, nil}, {Job{Start, 5}, nil}},
			jobs: "[], [{restart 2}]",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := test.roll
			r.Begin()
			if jobs := r.CanaryReady(); len(jobs) != 1 || jobs[0].Instance != 5 || !r.OnTrial(4) || r.OnTrial(5) {
				t.Errorf("beside the canary begin %v", jobs)
			}
			if jobs := r.CanaryReady(); len(jobs) > 0 {
				t.Errorf("once more begin %v", jobs)
			}
			var begun []string
			for _, end := range test.ends {
				begun = append(begun, fmt.Sprint(r.Next(end.job, end.err)))
				if canaryOver := end.job.Instance == 4; canaryOver && r.Trying() {
					t.Error("the canary's job is over, and it is still on trial")
				}
			}
			if got := strings.Join(begun, ", "); got != test.jobs {
				t.Errorf("%s begin, want %s", got, test.jobs)
			}
			if got := fmt.Sprint(r.Err()); got != test.err && (test.err != "" || r.Err() != nil) {
				t.Errorf("error is %q, want %q", got, test.err)
			}
		})
	}
}

// A worker that was ready and then ends takes its success back.
func TestFail(t *testing.T) {
	tests := map[string]struct {
		roll  *Roll
		over  int // jobs that end well, each the oldest, before
		fails Job
		jobs  string // those that begin then
		err   string
	}{
		"a worker that was replaced": {
			roll: New([]int{3}, 1, []int{0, 1, 2}), over: 2, fails: Job{Restart, 0},
			err: "restart of instance 0: ended by itself soon after it was ready; the roll stopped there",
		},
		"the canary, while the other surge worker starts": {
			roll: New([]int{3, 4}, 2, []int{0, 1, 2}), over: 1, fails: Job{Restart, 3}, jobs: "[{stop 3} {stop 4}]",
			err: "surge worker 3 did not stay up: ended by itself soon after it was ready; no old worker was touched",
		},
		"the last worker, while the surge worker stops": {
			roll: New([]int{1}, 1, []int{0}), over: 2, fails: Job{Restart, 0},
			err: "restart of instance 0: ended by itself soon after it was ready; the roll stopped there",
		},
	}
	for name, test := range tests {
		r := test.roll
		r.Begin()
		for range test.over {
			r.Next(r.Running()[0], nil)
		}
		jobs := r.Fail(test.fails, ErrShortLived)
		for len(r.Running()) > 0 && len(jobs) == 0 {
			jobs = r.Next(r.Running()[0], nil)
		}
		got := ""
		if len(jobs) > 0 {
			got = fmt.Sprint(jobs)
		}
		if got != test.jobs || fmt.Sprint(r.Err()) != test.err {
			t.Errorf("%s: %s begin and the error is %q, want %s and %q", name, got, r.Err(), test.jobs, test.err)
		}
		if again := r.Fail(test.fails, ErrShortLived); len(again) > 0 && r.Over() {
			t.Errorf("%s: a roll that is over begins %v", name, again)
		}
	}
}

// TestRollKeepsItsPromises: whatever fails and in whatever order jobs end.
func TestRollKeepsItsPromises(t *testing.T) {
	for seed := range uint64(5000) {
		random := rand.New(rand.NewPCG(seed, 0))
		count, parallel := 1+random.IntN(9), 1+random.IntN(4)
		surges, targets := numbers(count, 1+random.IntN(4)), numbers(0, count)
		failures := random.IntN(3)
		r := New(surges, parallel, targets)
		up := map[int]bool{} // surge workers that are ready
		restarted := map[int]int{}
		failed, touched := false, false
		jobs := r.Begin()
		for len(r.Running()) > 0 {
			for _, job := range jobs {
				if job.Instance >= count {
					continue
				}
				touched = true
				restarted[job.Instance]++
				if restarted[job.Instance] > 1 {
					t.Fatalf("seed %d: instance %d is restarted twice", seed, job.Instance)
				}
				if len(up) < len(surges) {
					t.Fatalf("seed %d: instance %d is restarted while %d of %d surge workers are ready", seed, job.Instance, len(up), len(surges))
				}
			}
			if r.Trying() && random.IntN(2) == 0 {
				r.CanaryReady()
			}
			running := r.Running()
			away := 0
			for _, job := range running {
				if job.Verb == Restart && job.Instance < count {
					away++
				}
			}
			if away > parallel {
				t.Fatalf("seed %d: %d are restarted at a time, want at most %d", seed, away, parallel)
			}
			done := running[random.IntN(len(running))]
			var result error
			if done.Verb != Stop && random.IntN(2*count) < failures {
				result, failed = errBroken, true
			}
			switch {
			case done.Verb == Stop:
				delete(up, done.Instance)
			case done.Instance >= count && result == nil:
				up[done.Instance] = true
			}
			jobs = r.Next(done, result)
		}
		switch {
		case !r.Over() || failed != (r.Err() != nil):
			t.Fatalf("seed %d: over is %v, the error %v", seed, r.Over(), r.Err())
		case !failed && (len(restarted) != count || len(up) > 0):
			t.Fatalf("seed %d: restarted are %v, and surge workers %v stay", seed, restarted, up)
		case failed && !touched && len(up) > 0:
			t.Fatalf("seed %d: surge workers %v stay, and nobody needs them", seed, up)
		case failed && touched && len(up) != len(surges):
			t.Fatalf("seed %d: surge workers %v stand in for those that failed, want all", seed, up)
		}
	}
}

func numbers(first, n int) []int {
	var out []int
	for i := range n {
		out = append(out, first+i)
	}
	return slices.Clip(out)
}
