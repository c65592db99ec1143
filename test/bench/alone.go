package main

import (
	"context"

	"github.com/gopm/gopm/test/bench/results"
)

// alone are the measures that need no machine and no peers.
var alone = []struct {
	name string
	run  func(context.Context, options, *results.Results) error
}{}
