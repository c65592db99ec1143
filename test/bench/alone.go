package main

import (
	"context"

	"github.com/gopm/gopm/test/bench/conversion"
	"github.com/gopm/gopm/test/bench/listing"
	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/bench/selectors"
)

// alone are the measures that need none of the peers on their machine.
var alone = []struct {
	name, about string
	run         func(context.Context, options, *results.Results) error
}{
	{selectors.Name, selectors.About, func(ctx context.Context, o options, r *results.Results) error {
		return selectors.Measure(ctx, o.After, o.Rounds, r)
	}},
	{conversion.Name, conversion.About, func(ctx context.Context, o options, r *results.Results) error {
		return conversion.Measure(ctx, o.Runs, r)
	}},
	{listing.Name, listing.About, func(ctx context.Context, o options, r *results.Results) error {
		return listing.Measure(ctx, o.Listed, o.Runs, r)
	}},
}
