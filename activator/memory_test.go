package activator

import (
	"testing"
	"time"
)

// A limit that is too low rolls a worker once for each pause, and those grow.
func TestMemoryRemedy(t *testing.T) {
	now := time.Unix(0, 0)
	m := &memoryUse{}
	is := func(want remedy) {
		t.Helper()
		if got := m.remedy(now); got != want {
			t.Fatalf("at %s: the remedy is %d, want %d", now.UTC().Format(time.TimeOnly), got, want)
		}
	}
	replaced := func(after time.Duration) {
		m.replaced = now
		now = now.Add(after)
	}
	is(replaceIt)
	for _, length := range []time.Duration{1, 2, 4, 8, 16, 32, 32} {
		replaced(5 * time.Second)
		is(pauseIt)
		if got := m.pause.begin(now); got != length*time.Minute {
			t.Fatalf("the pause is %s, want %d minutes", got, length)
		}
		now = now.Add(length*time.Minute - time.Second)
		is(leaveIt)
		now = now.Add(time.Second)
		is(replaceIt)
	}
	// One that leaks slowly is replaced each time, and the pauses are forgotten.
	for range 3 {
		replaced(leastPause)
		is(replaceIt)
	}
	replaced(time.Second)
	is(pauseIt)
	if got := m.pause.begin(now); got != leastPause {
		t.Errorf("the pause is %s, want %s", got, leastPause)
	}
}
