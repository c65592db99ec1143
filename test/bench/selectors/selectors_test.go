package selectors

import (
	"testing"
	"time"

	"github.com/gopm/gopm/test/bench/results"
)

// TestMeasure runs all of it once, for a moment: everybody is answered. How long
// that takes is no test's matter.
func TestMeasure(t *testing.T) {
	r := &results.Results{}
	if err := Measure(t.Context(), 100*time.Millisecond, 1, r); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if _, found := r.Median(Name, "", "p99", p.name); !found {
			t.Errorf("no figure of %s", p.name)
		}
	}
	for _, s := range r.Samples {
		if s.Metric == results.Failed && s.Value > 0 {
			t.Errorf("%s: %.0f of %.0f failed", s.Peer, s.Value, s.Of)
		}
	}
}
