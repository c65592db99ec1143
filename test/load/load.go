// Package load sends requests to the example app for as long as a scenario
// takes, and says exactly how many were answered and how many were not.
package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Profile is a way of sending requests.
type Profile int

const (
	// KeepAlive sends request after request on each connection.
	KeepAlive Profile = iota
	// PerRequest opens a connection for each request.
	PerRequest
	// Slow asks for what takes the app 100 ms, on connections that are kept.
	Slow
	// Large asks for 64 KiB, on connections that are kept.
	Large
	// Secure is KeepAlive over TLS. Nobody looks at the certificate.
	Secure
)

// Profiles are those that each scenario is tried under.
func Profiles() []Profile {
	return []Profile{KeepAlive, PerRequest, Slow}
}

func (p Profile) String() string {
	switch p {
	case KeepAlive:
		return "keep-alive"
	case PerRequest:
		return "a connection per request"
	case Slow:
		return "a route that takes 100 ms"
	case Large:
		return "64 KiB"
	case Secure:
		return "TLS, keep-alive"
	}
	return fmt.Sprintf("Profile(%d)", int(p))
}

// MarshalText has a profile appear in JSON by its name.
func (p Profile) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// path is the route of the example app that the profile asks for.
func (p Profile) path() string {
	switch p {
	case Slow:
		return "/api/v1/slow"
	case Large:
		return "/api/v1/large"
	}
	return "/api/v1/hello"
}

// header is what the profile adds to each request.
func (p Profile) header() string {
	if p == PerRequest {
		return "Connection: close"
	}
	return "Connection: keep-alive"
}

// A Result counts requests.
type Result struct {
	Answered int            // with a status of 2xx
	Failed   map[string]int // by what happened: refused, reset, closed, timeout, …
	PIDs     map[int]int    // requests answered by each worker; only Client knows
	Longest  time.Duration  // of an answered request; only Client knows
	Lost     []int          // the client's port of each failure, 0 where it had none; only Client knows
	Examples []string       // the first few failures in full; only Client knows
	Trace    Trace          // of each request, where it was asked for

	// Only Wrk knows these: for how long it sent, and what half of the requests
	// and all but one in a hundred took at most.
	Took, P50, P99 time.Duration
}

// Failures is how many requests failed.
func (r Result) Failures() int {
	sum := 0
	for _, n := range r.Failed {
		sum += n
	}
	return sum
}

// Add returns the sum of two results, without what only Wrk knows.
func (r Result) Add(other Result) Result {
	sum := Result{
		Answered: r.Answered + other.Answered,
		Failed:   map[string]int{},
		PIDs:     map[int]int{},
		Longest:  max(r.Longest, other.Longest),
		Lost:     slices.Concat(r.Lost, other.Lost),
		Examples: slices.Concat(r.Examples, other.Examples),
		Trace:    slices.Concat(r.Trace, other.Trace),
	}
	for _, part := range []Result{r, other} {
		for what, n := range part.Failed {
			sum.Failed[what] += n
		}
		for pid, n := range part.PIDs {
			sum.PIDs[pid] += n
		}
	}
	return sum
}

// String is such as "1200 answered, 3 failed (1 reset, 2 timeout)".
func (r Result) String() string {
	s := fmt.Sprintf("%d answered, %d failed", r.Answered, r.Failures())
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(r.Failed)) {
		if r.Failed[what] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", r.Failed[what], what))
		}
	}
	if len(parts) > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return s
}
