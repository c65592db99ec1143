package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// seen is what is known of one app, from each who knows something.
type seen struct {
	name       string
	supervised bool
	units      map[string]systemd.Unit // those that are loaded
	pids       map[string]int          // as systemd says, of units that it was asked about
	restarts   map[string]int          // of the same
	status     *control.Status         // the activator's; nil where it did not say
	unseen     string                  // why
	mode       string                  // what systemd says of it where the activator does not
	in         Place                   // whose it is
	ofRun      bool                    // a gopm run's
}

// address is where the app's activator listens.
func (s seen) address() control.Address { return s.in.Control.Address(s.name) }

// fill takes what the activator has answered.
func (s *seen) fill(a answer) {
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		s.unseen = fmt.Sprintf("%s has not answered within %s", units.Activator(s.name), answerTime)
	case a.err != nil:
		s.unseen = a.err.Error()
	default:
		s.status = &a.status
	}
}

// told is an instance as its activator says; the zero value where it does not.
func (s seen) told(instance int) control.Worker {
	if s.status == nil {
		return control.Worker{}
	}
	for _, w := range s.status.Workers {
		if w.Instance == instance {
			return w
		}
	}
	return control.Worker{}
}

// well tells whether an app is as it should be, as far as its activator knows: then there
// is nothing that only systemd could add.
func well(s control.Status) bool {
	return s.Roll == nil && s.Aborted == "" && s.Ready > 0 && s.Ready >= s.Instances &&
		!slices.ContainsFunc(s.Workers, func(w control.Worker) bool {
			return w.PID == 0 || w.State != control.Ready || w.Restarts > 0
		})
}

// others are the units of workers that the activator knows no process of, by instance. Of
// an app that is well they are left over from when there were more workers, and not shown:
// systemd need not have been asked.
func (s seen) others() map[int]systemd.Unit {
	all := make(map[int]systemd.Unit)
	if s.status != nil && well(*s.status) {
		return all
	}
	for name, u := range s.units {
		if instance, ok := units.InstanceOf(s.name, name); ok && s.told(instance).PID == 0 {
			all[instance] = u
		}
	}
	return all
}

// untold are the units of the workers whose numbers the service manager has to tell: it
// alone knows of a process that has no channel, and of a systemctl reset-failed.
func (s seen) untold() []string {
	var names []string
	for _, u := range s.others() {
		if u.Active != "inactive" {
			names = append(names, u.Name)
		}
	}
	if s.status != nil {
		for _, w := range s.status.Workers {
			if w.PID != 0 && w.Restarts > 0 {
				names = append(names, units.Worker(s.name, w.Instance))
			}
		}
	}
	return names
}

// join makes an app of it.
func join(s seen) App {
	a := App{
		Name: s.name, Title: s.name, Mode: s.mode, Supervised: s.supervised, Unseen: s.unseen,
		Workers: []Worker{}, Listeners: []control.Listener{}, awake: s.status != nil || s.awake(),
	}
	if s.ofRun {
		a.Run = s.in.Control.Runtime
	}
	// Without a Description= systemd has the unit's name there.
	if about := s.units[a.Target()].Description; about != "" && about != a.Target() {
		a.Title = about
	}
	told := make(map[int]control.Worker)
	if s.status != nil {
		a.Mode, a.Instances, a.Ready = s.status.Mode, s.status.Instances, s.status.Ready
		a.Roll, a.Aborted, a.Listeners = s.status.Roll, s.status.Aborted, s.status.Listeners
		for _, w := range s.status.Workers {
			told[w.Instance] = w
		}
	}
	if !s.supervised {
		a.Mode = "fork"
	}
	for instance := range told {
		a.Workers = append(a.Workers, joinWorker(s, instance, told))
	}
	for instance := range s.others() {
		if _, known := told[instance]; !known {
			a.Workers = append(a.Workers, joinWorker(s, instance, told))
		}
	}
	slices.SortFunc(a.Workers, func(x, y Worker) int { return cmp.Compare(x.Instance, y.Instance) })
	if s.status == nil {
		// A worker is listed by systemd where the target wants it, or it runs, or has
		// failed.
		for _, w := range a.Workers {
			a.Instances++
			if w.State == control.Ready {
				a.Ready++
			}
		}
	}
	a.State = stateOf(a, s)
	return a
}

// awake tells whether the app's activator runs, or is just about to again, as the service
// manager says.
func (s seen) awake() bool {
	switch s.units[units.Activator(s.name)].Active {
	case "active", "reloading", "activating":
		return true
	}
	return false
}

func joinWorker(s seen, instance int, told map[int]control.Worker) Worker {
	unit := units.Worker(s.name, instance)
	w := Worker{Worker: told[instance]}
	w.Instance, w.Unit = instance, unit
	if w.PID == 0 {
		w.PID = s.pids[unit]
	}
	if n, ok := s.restarts[unit]; ok {
		w.Restarts = n
	}
	of := workerState(s.units[unit])
	switch {
	case w.State == control.Missing && of == control.Ready:
		w.State = control.Starting // its process runs, and has yet to reach the activator
	case w.State == "" || w.State == control.Missing || of == WorkerFailed:
		w.State = of
	}
	return w
}

// workerState is what systemd says of a worker that its activator says nothing
// of.
func workerState(u systemd.Unit) control.State {
	switch u.Active {
	case "active", "reloading":
		return control.Ready
	case "activating":
		if u.Sub == "auto-restart" {
			return WorkerRestarting
		}
		return control.Starting
	case "deactivating":
		return WorkerStopping
	case "failed":
		return WorkerFailed
	}
	return WorkerStopped
}

func stateOf(a App, s seen) State {
	has := func(states ...control.State) bool {
		return slices.ContainsFunc(a.Workers, func(w Worker) bool { return slices.Contains(states, w.State) })
	}
	target := s.units[a.Target()]
	switch {
	case target.Job == "stop" || target.Active == "deactivating" || s.units[a.Activator()].Active == "deactivating":
		return Stopping
	case a.Ready > 0 && a.Ready >= a.Instances:
		return Online
	case a.Roll != nil && has(control.Ready):
		return Online // who is away is stood in for
	case a.Ready > 0:
		return Partial
	case has(control.Starting, control.Settling, WorkerRestarting) || s.units[a.Activator()].Active == "activating":
		return Starting
	case has(WorkerFailed) || s.units[a.Activator()].Active == "failed":
		return Failed
	case has(control.Draining, control.Stalled, WorkerStopping):
		return Stopping
	case has(control.Sick):
		return Partial
	}
	return Stopped
}
