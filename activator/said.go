package activator

import (
	"encoding/json"
	"slices"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
)

// What is kept of one worker's messages is bounded, so that a hostile one cannot
// make this process grow: by mostKept bytes of names and JSON, and by mostKinds
// of them. @pm2/io 6.1 sends about 40, which take 3 KiB.
const (
	mostKept  = 64 << 10
	mostKinds = 256
)

// The types of PM2's own messages (PM2's @pm2/io sends them).
const (
	typeMetrics       = "axm:monitor"
	typeAction        = "axm:action"
	typeConfiguration = "axm:option:configuration"
)

// kind is what the newest of is kept: a metric, an action or an option by its
// name, another message by its type.
type kind struct{ of, name string }

// said is what a worker's app has told by process.send.
type said struct {
	newest map[kind]json.RawMessage
	size   int
	over   bool // there was more than is kept
}

// keep keeps news in place of what was said before; false where it is the first
// that there is no room for.
func (s *said) keep(news map[kind]json.RawMessage) bool {
	if s.newest == nil {
		s.newest = make(map[kind]json.RawMessage)
	}
	wasOver := s.over
	for k, value := range news {
		size := s.size + len(k.of) + len(k.name) + len(value)
		old, known := s.newest[k]
		if known {
			size -= len(k.of) + len(k.name) + len(old)
		}
		if size > mostKept || !known && len(s.newest) >= mostKinds {
			s.over = true
			continue
		}
		s.newest[k], s.size = value, size
	}
	return wasOver || !s.over
}

// digest is what is to be kept of a message; nothing of most. It runs where the
// channel is read: the loop gets only the result.
func digest(m nodeipc.App) map[kind]json.RawMessage {
	news := make(map[kind]json.RawMessage)
	switch {
	case m.Type == "" || len(m.Data) == 0:
	case m.Type == typeConfiguration:
		// @pm2/io 6.1 sends eight of these, each with other keys.
		for name, value := range object(m.Data) {
			news[kind{m.Type, name}] = value
		}
	case m.Type == typeMetrics:
		for name, text := range object(m.Data) {
			var metric control.Metric
			if json.Unmarshal(text, &metric) != nil {
				metric = control.Metric{Value: text} // a bare value
			}
			if text, err := json.Marshal(metric); err == nil {
				news[kind{m.Type, name}] = text
			}
		}
	case m.Type == typeAction:
		var action struct {
			Name string `json:"action_name"`
		}
		if json.Unmarshal(m.Data, &action) == nil && action.Name != "" {
			news[kind{m.Type, action.Name}] = nil
		}
	default:
		news[kind{m.Type, ""}] = m.Data
	}
	return news
}

// object is what an object has; nothing of another value.
func object(data json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(data, &fields)
	return fields
}

// hear keeps what an app has told.
func (a *Activator) hear(w *worker, news map[kind]json.RawMessage) {
	if !w.said.keep(news) {
		a.journal.of(w.instance).warning("%s tells more by process.send({type, data}) than the %d KiB or %d kinds that are kept of it; the rest is dropped", w.unit, mostKept>>10, mostKinds)
	}
}

// tell fills in what a status has of it.
func (s *said) tell(w *control.Worker) {
	for k, value := range s.newest {
		switch k.of {
		case typeMetrics:
			var metric control.Metric
			if json.Unmarshal(value, &metric) == nil {
				put(&w.Metrics, k.name, metric)
			}
		case typeAction:
			w.Actions = append(w.Actions, k.name)
		case typeConfiguration:
			put(&w.Configuration, k.name, value)
		default:
			put(&w.Messages, k.of, value)
		}
	}
	slices.Sort(w.Actions)
}

func put[V any](m *map[string]V, name string, value V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[name] = value
}
