package load

import (
	"slices"
	"time"
)

// A Call is one request as its caller saw it.
type Call struct {
	Begun  time.Time
	Took   time.Duration
	Failed bool
}

// A Trace is what became of each of many requests, in no order.
type Trace []Call

// Between are the calls that began in a stretch of time.
func (t Trace) Between(from, to time.Time) Trace {
	var out Trace
	for _, c := range t {
		if !c.Begun.Before(from) && c.Begun.Before(to) {
			out = append(out, c)
		}
	}
	return out
}

// Failures is how many calls failed.
func (t Trace) Failures() int {
	n := 0
	for _, c := range t {
		if c.Failed {
			n++
		}
	}
	return n
}

// Quantile is what a part q of the answered calls took at most, 0 where none
// was answered.
func (t Trace) Quantile(q float64) time.Duration {
	var took []time.Duration
	for _, c := range t {
		if !c.Failed {
			took = append(took, c.Took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[int(q*float64(len(took)-1)+0.5)]
}

// Longest is the longest time that anybody waited, whether for an answer or for
// a failure.
func (t Trace) Longest() time.Duration {
	var longest time.Duration
	for _, c := range t {
		longest = max(longest, c.Took)
	}
	return longest
}

// Pause is the longest stretch between from and to in which no call was answered.
func (t Trace) Pause(from, to time.Time) time.Duration {
	answered := []time.Time{from, to}
	for _, c := range t {
		if at := c.Begun.Add(c.Took); !c.Failed && at.After(from) && at.Before(to) {
			answered = append(answered, at)
		}
	}
	slices.SortFunc(answered, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(answered); i++ {
		longest = max(longest, answered[i].Sub(answered[i-1]))
	}
	return longest
}
