package watch

import (
	"fmt"
	"testing"
	"time"
)

func TestBatch(t *testing.T) {
	const delay = 100 * time.Millisecond
	begun := time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		changes []string
		every   time.Duration
		due     time.Duration
		paths   string
	}{
		"one":                      {[]string{"a"}, 0, delay, "[a]"},
		"some, each once":          {[]string{"a", "b", "a"}, delay / 2, delay + 2*delay/2, "[a b]"},
		"one without end":          {make([]string, 100), delay / 2, patience * delay, "[]"},
		"many at the same instant": {[]string{"a", "b", "c"}, 0, delay, "[a b c]"},
	}
	for name, test := range tests {
		b := batch{delay: delay}
		if _, some := b.due(); some {
			t.Errorf("%s: an empty batch is due", name)
		}
		for i, path := range test.changes {
			b.add(path, begun.Add(time.Duration(i)*test.every))
		}
		due, some := b.due()
		if !some || due.Sub(begun) != test.due {
			t.Errorf("%s: due after %v, %v; want %v", name, due.Sub(begun), some, test.due)
		}
		if got := fmt.Sprint(b.take()); got != test.paths {
			t.Errorf("%s: paths are %s, want %s", name, got, test.paths)
		}
		if _, some := b.due(); some {
			t.Errorf("%s: due again after it was taken", name)
		}
	}
}
