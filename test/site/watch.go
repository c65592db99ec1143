package site

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Watch looks at a site's workers again and again.
type Watch struct {
	stop chan struct{}
	done chan struct{}
	seen Seen
	err  error
}

// Seen is what a watch saw.
type Seen struct {
	Looks int
	// FewestReady and MostReady are the extremes of the number of workers that
	// systemd called active, which is: ready.
	FewestReady, MostReady int
	// MostOfFirst is the largest number of Node processes that were instance 0
	// at one time.
	MostOfFirst int
}

// pause is between two looks: a worker takes ten times as long to start.
const pause = 20 * time.Millisecond

// Watch begins to look. The caller stops it.
func (s *Site) Watch(ctx context.Context) (*Watch, error) {
	active, hangUp, err := s.active()
	if err != nil {
		return nil, err
	}
	w := &Watch{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer hangUp()
		ticks := time.NewTicker(pause)
		defer ticks.Stop()
		for w.err == nil {
			w.err = w.look(ctx, s, active)
			select {
			case <-ticks.C:
			case <-w.stop:
				return
			}
		}
	}()
	return w, nil
}

// active counts the workers that are, again and again until hangUp.
func (s *Site) active() (count func(context.Context) (int, error), hangUp func(), err error) {
	if s.run != nil {
		return s.run.active, func() {}, nil
	}
	systemd, err := s.Systemd()
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (int, error) {
		active, err := systemd.ListUnitsByPatternsContext(ctx, []string{"active"}, []string{Workers})
		return len(active), err
	}, systemd.Close, nil
}

func (w *Watch) look(ctx context.Context, s *Site, count func(context.Context) (int, error)) error {
	active, err := count(ctx)
	if err != nil {
		return fmt.Errorf("watch workers: %w", err)
	}
	processes, err := s.Processes(Workers)
	if err != nil {
		return fmt.Errorf("watch workers: %w", err)
	}
	first := 0
	for _, p := range processes {
		if p.Name == "node" && slices.Contains(p.Env, "NODE_APP_INSTANCE=0") {
			first++
		}
	}
	if w.seen.Looks == 0 {
		w.seen.FewestReady = active
	}
	w.seen.Looks++
	w.seen.FewestReady = min(w.seen.FewestReady, active)
	w.seen.MostReady = max(w.seen.MostReady, active)
	w.seen.MostOfFirst = max(w.seen.MostOfFirst, first)
	return nil
}

// Stop ends the watch and returns what it saw.
func (w *Watch) Stop() (Seen, error) {
	close(w.stop)
	<-w.done
	return w.seen, w.err
}
