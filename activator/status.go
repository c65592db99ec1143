package activator

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/steer"
)

// look is what control.Survey asks for, without its workers, and those, with
// what they have measured.
func (a *Activator) look(measured map[int]control.Measures) (control.Status, []control.Worker) {
	s := control.Status{App: a.settings.App, Mode: "cluster", Instances: a.count, Ready: a.ready(), Aborted: a.aborted, Listeners: []control.Listener{}}
	if a.settings.Fork {
		s.Mode = "fork"
	}
	if a.roll != nil {
		done, total := a.roll.Progress()
		s.Roll = &control.Roll{Reason: a.roll.why, Done: done, Total: total, Doing: a.doing()}
	}
	for _, g := range a.groups {
		s.Listeners = append(s.Listeners, lookAtGroup(g))
	}
	for _, h := range a.held {
		s.Listeners = append(s.Listeners, lookAtHeld(h))
	}
	for _, d := range a.datagrams {
		s.Listeners = append(s.Listeners, control.Listener{Address: d.addr.String(), Protocol: "udp", Declared: d.declared})
	}
	var workers []control.Worker
	for _, instance := range slices.Compact(slices.Sorted(a.instances())) {
		workers = append(workers, a.lookAtWorker(instance, measured))
	}
	return s, workers
}

// instances are those that there should be and those that there are, some twice.
func (a *Activator) instances() func(func(int) bool) {
	return slices.Values(slices.AppendSeq(a.everyone(), maps.Keys(a.workers)))
}

func (a *Activator) lookAtWorker(instance int, measured map[int]control.Measures) control.Worker {
	out := control.Worker{Instance: instance, Unit: a.settings.unit(instance), State: control.Missing}
	w := a.workers[instance]
	if w == nil {
		return out
	}
	out.PID, out.State, out.Restarts = w.pid, a.stateOf(w), w.restarts
	w.said.tell(&out)
	if m, ok := measured[instance]; ok {
		out.Measures = &m
	}
	return out
}

func (a *Activator) stateOf(w *worker) control.State {
	switch {
	case w.stalled:
		return control.Stalled
	case w.draining:
		return control.Draining
	case !w.ready:
		return control.Starting
	case a.sick(w):
		return control.Sick
	case w.settling:
		return control.Settling
	}
	return control.Ready
}

func lookAtGroup(g *group) control.Listener {
	if g.path != "" {
		return control.Listener{Address: g.path, Protocol: "unix", Declared: g.declared}
	}
	l := control.Listener{Address: g.Addr().String(), Protocol: "tcp", Declared: g.declared}
	for s := range g.Slots() {
		queued, _ := steer.Queue(g.Listener(s)) // 0 where the kernel does not say
		if s == steer.WaitingRoom {
			l.Waiting = queued
		} else {
			l.Queued = append(l.Queued, queued)
		}
	}
	return l
}

// view is what control.Survey asks for.
type view struct {
	status  control.Status
	workers []control.Worker
}

// see has the workers measure, and the view follow when they have. Where none is
// waited for, it is there at once.
func (a *Activator) see(hello control.Hello) <-chan view {
	patience := time.Duration(hello.MeasureMS) * time.Millisecond
	seen := make(chan view, 1)
	a.do(func() {
		a.survey(patience, func(got map[int]control.Measures) {
			status, workers := a.look(got)
			seen <- view{status, workers}
		})
	})
	return seen
}

// show answers with the view that comes, or with nothing where the activator ends. It
// does so outside the loop; who only looks changes nothing.
func (a *Activator) show(seen <-chan view, answer func([]byte)) {
	select {
	case <-a.ctx.Done():
		answer(nil)
	case v := <-seen:
		answer(v.text())
	}
}

// text is all of it: each write would wake the client, who asks all activators at a
// time.
func (v view) text() []byte {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	_ = out.Encode(control.Answer{Status: &v.status})
	for i := range v.workers {
		_ = out.Encode(control.Answer{Worker: &v.workers[i]})
	}
	_ = out.Encode(control.Answer{Done: true})
	return text.Bytes()
}

func lookAtHeld(h held) control.Listener {
	l := control.Listener{Address: h.name, Protocol: "tcp", Declared: true}
	if strings.HasPrefix(h.name, "/") {
		l.Protocol = "unix"
		return l
	}
	if n, err := steer.Queue(h.fd); err == nil {
		l.Waiting = n
	}
	return l
}
