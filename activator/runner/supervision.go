package runner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gopm/gopm/activator"
	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
)

// supervision is one activator.
type supervision struct {
	cancel context.CancelFunc
	up     chan struct{} // closed when it has said that it is ready
	ended  chan struct{} // closed when it has ended
	once   sync.Once     // of up
}

// variables are those of the activator.
func (a *runningApp) variables() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == "" {
		return a.settings
	}
	return append(slices.Clone(a.settings), control.InstancesVariable+"="+a.count)
}

func (a *runningApp) activatorSettings() (activator.Settings, error) {
	variables := a.variables()
	return activator.ReadSettings(a.name, func(name string) string { return lookup(variables, name) })
}

// supervise starts an activator, which starts the workers, or takes over those that
// run.
func (a *runningApp) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	s := &supervision{cancel: cancel, up: make(chan struct{}), ended: make(chan struct{})}
	a.current = s
	a.mu.Lock()
	a.failed, a.leaving = nil, ""
	a.mu.Unlock()
	go func() {
		defer close(s.ended)
		err := a.runActivator(ctx, s)
		if err == nil {
			return
		}
		a.mu.Lock()
		a.failed = err
		a.mu.Unlock()
		a.r.say(a.name, -1, "the activator of %s cannot begin: %v", a.name, err)
		a.r.isUp(a.name)
	}()
}

func (a *runningApp) runActivator(ctx context.Context, s *supervision) error {
	settings, err := a.activatorSettings()
	if err != nil {
		return err
	}
	passed, err := copies(a.sockets)
	if err != nil {
		return err
	}
	stored, err := a.store.copies()
	if err != nil {
		closeFiles(passed)
		return err
	}
	return activator.Run(ctx, settings, activator.Environment{
		Getenv:  func(string) string { return "" },
		Host:    a.r.host,
		Journal: a.journal,
		Manager: manager{a},
		Passed:  append(passed, stored...),
		Notify:  notifier{a, s},
	})
}

// leave ends the activator, for a stop or a restart of it.
func (a *runningApp) leave(why rollout.Verb) {
	if a.current == nil {
		return
	}
	a.mu.Lock()
	a.leaving = why
	a.mu.Unlock()
	a.current.cancel()
	<-a.current.ended
	a.current = nil
}

// restartActivator has another activator go on with the workers. It reads its
// settings.
func (a *runningApp) restartActivator(q appRequest) {
	if a.current == nil || isClosed(a.current.ended) {
		q.done <- errors.New("it is not running")
		return
	}
	a.leave(rollout.Restart)
	a.supervise()
	go func(s *supervision) { q.done <- a.whenUp(s) }(a.current)
}

// whenUp waits until an activator is up.
func (a *runningApp) whenUp(s *supervision) error {
	select {
	case <-s.up:
		return nil
	case <-s.ended:
	}
	if err := a.failure(); err != nil {
		return err
	}
	return rollout.ErrCanceled
}

// notifier is the service manager of one activator.
type notifier struct {
	of *runningApp
	in *supervision
}

// Say takes what the activator tells its service manager.
func (n notifier) Say(state string) {
	for line := range strings.Lines(state) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "READY":
			n.in.once.Do(func() { close(n.in.up) })
		case "STATUS":
			n.of.r.tellStatus(n.of.name, value)
		case "EXTEND_TIMEOUT_USEC":
			n.of.r.notify(line)
		case "FDNAME": // with FDSTOREREMOVE=1
			n.of.store.forget(value)
		}
	}
}

// Keep puts a copy of a descriptor into the store.
func (n notifier) Keep(name string, fd int) error { return n.of.store.keep(name, fd) }

// journal takes a line of an activator's.
func (a *runningApp) journal(_ int, message string, fields map[string]string) {
	instance, err := strconv.Atoi(fields[activator.InstanceField])
	if err != nil {
		instance = -1 // it is about no single one
	}
	for text := range strings.SplitSeq(message, "\n") {
		a.r.say(a.name, instance, "%s", text)
	}
}
