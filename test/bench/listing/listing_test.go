package listing

import (
	"testing"

	"github.com/gopm/gopm/test/bench/results"
)

// TestMeasure lists a few, once: all are there. How long that takes is no test's
// matter.
func TestMeasure(t *testing.T) {
	r := &results.Results{}
	if err := Measure(t.Context(), Size{2, 2}, 1, r); err != nil {
		t.Fatal(err)
	}
	for _, list := range append(lists, oneStopped) {
		for _, peer := range []string{results.Ours, results.PM2} {
			if _, found := r.Median(Name, list, "time", peer); !found {
				t.Errorf("no figure of %s of %s", list, peer)
			}
		}
	}
}
