package activator

import (
	"slices"
	"testing"

	"github.com/gopm/gopm/activator/systemd"
)

func TestLeftToRoll(t *testing.T) {
	const begun = 100
	old, fresh := systemd.State{Active: "active", Begun: 99}, systemd.State{Active: "active", Begun: 100}
	tests := map[string]struct {
		states map[int]systemd.State
		left   []int
		failed int
	}{
		"one is new":          {map[int]systemd.State{0: fresh, 1: old, 2: old}, []int{1, 2}, -1},
		"one stops":           {map[int]systemd.State{0: fresh, 1: {Active: "deactivating", Begun: 99}, 2: old}, []int{1, 2}, -1},
		"one starts":          {map[int]systemd.State{0: fresh, 1: {Active: "activating", Begun: 101}, 2: old}, []int{2}, -1},
		"one has failed":      {map[int]systemd.State{0: fresh, 1: {Active: "failed", Begun: 101}, 2: old}, []int{2}, 1},
		"one had failed":      {map[int]systemd.State{0: {Active: "failed", Begun: 9}, 1: old, 2: old}, []int{1, 2}, -1},
		"one had ended":       {map[int]systemd.State{1: old, 2: fresh}, []int{1}, -1},
		"one too many":        {map[int]systemd.State{0: fresh, 1: fresh, 2: fresh, 3: old}, nil, -1},
		"all are new already": {map[int]systemd.State{0: fresh, 1: fresh, 2: fresh}, nil, -1},
	}
	for name, test := range tests {
		left, failed := leftToRoll(3, begun, test.states)
		if !slices.Equal(left, test.left) || failed != test.failed {
			t.Errorf("%s: left are %v and %d has failed, want %v and %d", name, left, failed, test.left, test.failed)
		}
	}
}

func TestRollMark(t *testing.T) {
	if begun, ok := parseRollMark(rollMark(123456789)); begun != 123456789 || !ok || !isStored(rollMark(1)) {
		t.Errorf("read as %d, %v", begun, ok)
	}
	if begun, ok := parseRollMark(startedMark); ok || !isStored(startedMark) {
		t.Errorf("%s is read as %d", startedMark, begun)
	}
}

func TestCountMark(t *testing.T) {
	if count, ok := parseCountMark(countMark(12)); count != 12 || !ok || !isStored(countMark(12)) {
		t.Errorf("read as %d, %v", count, ok)
	}
	for _, name := range []string{"count-", "count-1x", "counts-1", startedMark} {
		if count, ok := parseCountMark(name); ok {
			t.Errorf("%s is read as %d", name, count)
		}
	}
}
