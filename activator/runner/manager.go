package runner

import (
	"context"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// manager is a run as the activator of one app sees it: activator.Manager.
type manager struct{ of *runningApp }

// Run does a job and waits for its end.
func (m manager) Run(ctx context.Context, verb rollout.Verb, unit string) error {
	r := m.of.r
	s, err := r.find(unit)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	if verb != rollout.Stop {
		if job, _ := m.OwnJob(ctx); job != "" || m.of.ends() {
			return rollout.ErrCanceled
		}
		s.forgive()
	}
	select {
	case err := <-s.do(verb):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill sends a signal to a unit's main process.
func (m manager) Kill(_ context.Context, unit string, signal unix.Signal) error {
	return m.of.r.kill(unit, signal)
}

// Forgive forgets that a unit failed.
func (m manager) Forgive(_ context.Context, unit string) {
	if s, err := m.of.r.find(unit); err == nil {
		s.forgive()
	}
}

// State is a unit's.
func (m manager) State(_ context.Context, unit string) (systemd.State, error) {
	s, err := m.of.r.find(unit)
	if err != nil {
		return systemd.State{}, fmt.Errorf("read state of %s: %w", unit, err)
	}
	state, _ := s.look()
	return state, nil
}

// States are those of the units that were started, by name.
func (m manager) States(_ context.Context, pattern string) (map[string]systemd.State, error) {
	r := m.of.r
	r.mu.Lock()
	defer r.mu.Unlock()
	states := map[string]systemd.State{}
	for name, s := range r.services {
		fits, err := path.Match(pattern, name)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", pattern, err)
		}
		if fits {
			states[name], _ = s.look()
		}
	}
	return states, nil
}

// Fate is what became of a unit that had ended.
func (m manager) Fate(_ context.Context, unit string) (systemd.Fate, error) {
	s, err := m.of.r.find(unit)
	if err != nil {
		return systemd.Fate{}, err
	}
	switch state, how := s.look(); state.Active {
	case "failed":
		return systemd.Fate{Failed: how}, nil
	case "active", "inactive":
		return systemd.Fate{Other: true}, nil
	}
	return systemd.Fate{}, nil
}

// IsActive tells whether a unit is. It is asked about the app's target, which is not
// while the app is stopped or restarted.
func (m manager) IsActive(ctx context.Context, unit string) (bool, error) {
	if unit == m.of.target() {
		return m.of.isActive(), nil
	}
	state, err := m.State(ctx, unit)
	return state.Active == "active", err
}

// UnitOf is the unit that a process belongs to: one that was started for it, or
// that is in the session of one.
func (m manager) UnitOf(_ context.Context, pid int) (string, error) {
	session, err := unix.Getsid(pid)
	if err != nil {
		session = 0
	}
	for _, n := range []int{pid, session} {
		if p := m.of.r.reaper.find(n); p != nil {
			return p.unit, nil
		}
	}
	return "", fmt.Errorf("find unit of process %d: it is none of this run's", pid)
}

// OwnJob is what is done to the activator itself: stop or restart.
func (m manager) OwnJob(context.Context) (string, error) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	return string(m.of.leaving), nil
}

// kill sends a signal to a unit's main process.
func (r *Runner) kill(unit string, signal unix.Signal) error {
	r.mu.Lock()
	s := r.services[unit]
	r.mu.Unlock()
	if s != nil {
		state, _ := s.look()
		if p := r.reaper.find(state.PID); p != nil && p.unit == unit {
			p.signal(signal)
			return nil
		}
	}
	return fmt.Errorf("send %s to %s: it has no main process", unix.SignalName(signal), unit)
}

// service is an instance's, made where it is not there.
func (r *Runner) service(a *runningApp, instance int) (*service, error) {
	name := units.Worker(a.name, instance)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.services[name]; s != nil {
		return s, nil
	}
	if a.template == nil {
		return nil, fmt.Errorf("there is no unit %s", name)
	}
	spec, err := newSpec(name, a.template, fmt.Sprint(instance))
	if err != nil {
		return nil, err
	}
	who, err := accountOf(spec.user, spec.group)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	s := &service{r: r, of: a, name: name, instance: instance, spec: spec, who: who, requests: make(chan request, 16)}
	s.state.Active, s.state.Sub = "inactive", "dead"
	r.services[name] = s
	go s.serve()
	return s, nil
}

// find is a unit's service, by name.
func (r *Runner) find(unit string) (*service, error) {
	for _, a := range r.apps {
		if instance, ok := units.InstanceOf(a.name, unit); ok {
			return r.service(a, instance)
		}
	}
	return nil, fmt.Errorf("there is no unit %s", unit)
}

func (r *Runner) servicesOf(app string) []*service {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*service
	for _, s := range r.services {
		if s.of.name == app {
			out = append(out, s)
		}
	}
	return out
}

// isUp notes that an app's start is over.
func (r *Runner) isUp(app string) {
	r.mu.Lock()
	r.up[app] = true
	r.mu.Unlock()
	r.changed()
}

func (r *Runner) tellStatus(app, status string) {
	r.mu.Lock()
	r.status[app] = status
	r.mu.Unlock()
	r.changed()
}

// commands does what a oneshot unit of gopm-gen's does: it asks systemctl(1), and
// here there is none.
func (r *Runner) commands(ctx context.Context, u unit, key string) error {
	for _, value := range u["Service."+key] {
		c, err := newCommand(value, "")
		if err == nil {
			err = r.systemctl(ctx, c.words)
		}
		if err != nil && !c.mayFail {
			return err
		}
	}
	return nil
}

// systemctl is the few of its verbs that units of gopm-gen's use.
func (r *Runner) systemctl(ctx context.Context, list []string) error {
	var args []string
	for _, word := range list[1:] {
		if !strings.HasPrefix(word, "--") {
			args = append(args, word)
		}
	}
	if path.Base(list[0]) != "systemctl" || len(args) < 2 {
		return nil // such as /usr/bin/true
	}
	for _, unit := range args[1:] {
		if err := r.ask(ctx, args[0], unit); err != nil {
			return fmt.Errorf("%s %s: %w", args[0], unit, err)
		}
	}
	return nil
}

// ask does what systemctl(1) is asked for.
func (r *Runner) ask(ctx context.Context, verb, unit string) error {
	if verb == "try-reload-or-restart" {
		for _, a := range r.apps {
			if unit == units.Activator(a.name) || unit == a.reloader() {
				return a.reload(ctx)
			}
		}
	}
	s, err := r.find(unit)
	if err != nil {
		return err
	}
	switch verb {
	case "reset-failed":
		s.forgive()
		return nil
	case "try-restart":
		if state, _ := s.look(); !state.Runs() {
			return nil
		}
	case "restart":
	default:
		return fmt.Errorf("gopm run does not know how to %s", verb)
	}
	return <-s.do(rollout.Restart)
}
