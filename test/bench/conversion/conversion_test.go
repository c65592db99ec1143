package conversion

import (
	"testing"

	"github.com/gopm/gopm/test/bench/results"
)

// TestMeasure runs all of it once: what it measures does what it should, and there
// are figures for each file. How long it takes is no test's matter.
func TestMeasure(t *testing.T) {
	r := &results.Results{}
	if err := Measure(t.Context(), 1, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases() {
		for name, wanted := range map[string]bool{results.Ours: true, "node -e 0": true, results.PM2: c.pm2} {
			if _, found := r.Median(Name, c.title, "time", name); found != wanted {
				t.Errorf("%s of %s: found is %t, want %t", c.title, name, found, wanted)
			}
		}
	}
}
