package activator

import (
	"slices"
	"testing"
)

func TestLeftToRoll(t *testing.T) {
	const begun = 100
	old, fresh := unitState{active: "active", begun: 99}, unitState{active: "active", begun: 100}
	tests := map[string]struct {
		states map[int]unitState
		left   []int
		failed int
	}{
		"one is new":          {map[int]unitState{0: fresh, 1: old, 2: old}, []int{1, 2}, -1},
		"one stops":           {map[int]unitState{0: fresh, 1: {active: "deactivating", begun: 99}, 2: old}, []int{1, 2}, -1},
		"one starts":          {map[int]unitState{0: fresh, 1: {active: "activating", begun: 101}, 2: old}, []int{2}, -1},
		"one has failed":      {map[int]unitState{0: fresh, 1: {active: "failed", begun: 101}, 2: old}, []int{2}, 1},
		"one had failed":      {map[int]unitState{0: {active: "failed", begun: 9}, 1: old, 2: old}, []int{1, 2}, -1},
		"one had ended":       {map[int]unitState{1: old, 2: fresh}, []int{1}, -1},
		"one too many":        {map[int]unitState{0: fresh, 1: fresh, 2: fresh, 3: old}, nil, -1},
		"all are new already": {map[int]unitState{0: fresh, 1: fresh, 2: fresh}, nil, -1},
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
