package activator

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
)

// mostPatience bounds how long a client may have workers waited for.
const mostPatience = 5 * time.Second

// survey is a question to all workers: what they measure of themselves. Nothing
// of it is kept when it is over.
type survey struct {
	owes map[*worker]bool
	got  map[int]control.Measures // by instance
	done func(map[int]control.Measures)
	end  *time.Timer
}

// survey asks all workers, and calls done with what came when all have answered
// or patience is over. No patience: nobody is asked.
func (a *Activator) survey(patience time.Duration, done func(map[int]control.Measures)) {
	s := &survey{owes: make(map[*worker]bool), got: make(map[int]control.Measures), done: done}
	patience = min(patience, mostPatience)
	for _, w := range a.workers {
		if patience > 0 && w.askMeasures(patience) {
			s.owes[w] = true
		}
	}
	if len(s.owes) == 0 {
		done(s.got)
		return
	}
	a.surveys = append(a.surveys, s)
	s.end = time.AfterFunc(patience, func() { a.do(func() { a.conclude(s) }) })
}

// askMeasures asks one worker. It returns false where there is nobody to answer:
// a blocked worker and one without the agent are waited for once.
func (w *worker) askMeasures(patience time.Duration) bool {
	switch {
	case w.channel == nil:
		return false
	case !w.asked.IsZero():
		return time.Since(w.asked) < patience
	case w.channel.Send(nodeipc.Command{Cmd: nodeipc.CmdGopm, Act: nodeipc.ActMeasure}) != nil:
		return false
	}
	w.asked = time.Now()
	return true
}

// measured is a worker's answer, for whoever waits for it.
func (a *Activator) measured(w *worker, text json.RawMessage) {
	if w.asked.IsZero() {
		return
	}
	w.asked = time.Time{}
	var measures control.Measures
	err := json.Unmarshal(text, &measures)
	for _, s := range slices.Clone(a.surveys) {
		if !s.owes[w] {
			continue
		}
		delete(s.owes, w)
		if err == nil {
			s.got[w.instance] = measures
		}
		if len(s.owes) == 0 {
			a.conclude(s)
		}
	}
}

func (a *Activator) conclude(s *survey) {
	i := slices.Index(a.surveys, s)
	if i < 0 {
		return
	}
	a.surveys = slices.Delete(a.surveys, i, i+1)
	s.end.Stop()
	s.done(s.got)
}
