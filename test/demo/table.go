package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gopm/gopm/test/load"
)

// An outcome is a step with what became of the requests meanwhile, one result
// for each of load.Profiles.
type outcome struct {
	step     string
	happened string
	took     time.Duration
	results  []load.Result
}

// total is what became of the requests of all loads.
func (o outcome) total() load.Result {
	var sum load.Result
	for _, r := range o.results {
		sum = sum.Add(r)
	}
	return sum
}

// failures counts the requests that failed.
func failures(outcomes []outcome) int {
	sum := 0
	for _, o := range outcomes {
		sum += o.total().Failures()
	}
	return sum
}

// loads names the loads in the order of the table's columns.
func loads() string {
	var names []string
	for _, profile := range load.Profiles() {
		names = append(names, profile.String())
	}
	return strings.Join(names, "; ")
}

// table has a row for each step: the requests answered under each load, and
// those that failed under any.
func table(outcomes []outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-32s %8s %12s %12s %8s %8s\n", "", "took", "keep-alive", "per request", "100 ms", "failed")
	all := outcome{step: "all", results: make([]load.Result, len(load.Profiles()))}
	for _, o := range outcomes {
		b.WriteString(row(o))
		all.took += o.took
		for i, r := range o.results {
			all.results[i] = all.results[i].Add(r)
		}
	}
	b.WriteString(row(all))
	return b.String()
}

func row(o outcome) string {
	return fmt.Sprintf("%-32s %6.1f s %12d %12d %8d %8d\n", o.step, o.took.Seconds(),
		o.results[0].Answered, o.results[1].Answered, o.results[2].Answered, o.total().Failures())
}
