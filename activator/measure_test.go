package activator

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// surveyed collects what surveys come to.
type surveyed struct {
	u   underAttack
	got []map[int]control.Measures
}

func (s *surveyed) ask(patience time.Duration) {
	s.u.do(func() {
		s.u.survey(patience, func(got map[int]control.Measures) { s.got = append(s.got, got) })
	})
}

// wants checks which workers each survey that is over has an answer of.
func (s *surveyed) wants(t *testing.T, want ...[]int) {
	t.Helper()
	s.u.do(func() {
		var got [][]int
		for _, one := range s.got {
			got = append(got, slices.Sorted(maps.Keys(one)))
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("surveys came to %v, want %v", got, want)
		}
	})
}

const measuredLine = `{"cmd":"NODE_GOPM","act":"measured","measures":{"heap_used":1,"requests":7,"connections":2,"event_loop_delay_ms":{"max":1.5}}}`

func TestSurvey(t *testing.T) {
	u, end := attacked(t)
	defer end()
	s := &surveyed{u: u}

	s.ask(0) // nobody is asked
	s.wants(t, nil)
	for _, w := range []*worker{u.good, u.hostile} {
		if err := u.hear(w, measuredLine); err != nil { // nor listened to
			t.Error(err)
		}
	}

	// Both of two clients get one answer of each worker.
	s.ask(time.Hour)
	s.ask(time.Hour)
	for _, w := range []*worker{u.good, u.hostile} {
		s.wants(t, nil)
		if err := u.hear(w, measuredLine); err != nil {
			t.Error(err)
		}
	}
	s.wants(t, nil, []int{0, 1}, []int{0, 1})
	connections := 2
	if got, want := text(t, s.got[1][1]), text(t, control.Measures{HeapUsed: 1, Requests: 7, Connections: &connections, EventLoopDelay: &control.Delay{Max: 1.5}}); got != want {
		t.Errorf("measured %s, want %s", got, want)
	}

	// What is none, and what comes unasked, does no harm.
	s.ask(time.Hour)
	for _, line := range []string{`{"cmd":"NODE_GOPM","act":"measured","measures":{"requests":"many"}}`, measuredLine} {
		if err := u.hear(u.hostile, line); err != nil {
			t.Error(err)
		}
	}
	if err := u.hear(u.good, measuredLine); err != nil {
		t.Error(err)
	}
	s.wants(t, nil, []int{0, 1}, []int{0, 1}, []int{1})
	u.holds(t)
}

// A worker that does not answer is waited for once, until it does.
func TestSurveyOfASilentWorker(t *testing.T) {
	u, end := attacked(t)
	defer end()
	s := &surveyed{u: u}
	s.ask(time.Millisecond)
	over := func() (over bool) {
		u.do(func() { over = len(u.surveys) == 0 })
		return over
	}
	for !over() {
		time.Sleep(time.Millisecond)
	}
	s.wants(t, nil)
	s.ask(time.Millisecond)
	s.wants(t, nil, nil)
	for _, w := range []*worker{u.good, u.hostile} {
		if err := u.hear(w, measuredLine); err != nil {
			t.Error(err)
		}
	}
	s.ask(time.Hour)
	for _, w := range []*worker{u.good, u.hostile} {
		if err := u.hear(w, measuredLine); err != nil {
			t.Error(err)
		}
	}
	s.wants(t, nil, nil, []int{0, 1})
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
