package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestBench runs all of it once: what it measures does what it should, and there
// is a row for each file. How long it takes is no test's matter.
func TestBench(t *testing.T) {
	var out bytes.Buffer
	if err := bench(t.Context(), &out, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases() {
		if !strings.Contains(out.String(), "| "+c.title) {
			t.Errorf("no row for %s in\n%s", c.title, out.String())
		}
	}
}

func TestTimes(t *testing.T) {
	sorted := times{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	if got := sorted.String(); got != "6.0 (2.0 to 10.0)" {
		t.Error(got)
	}
}
