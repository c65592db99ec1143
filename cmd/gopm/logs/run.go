package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// run is a gopm run: it keeps the last lines of its apps but for those that go to
// files.
type run struct {
	folder  string
	choices []Choice
	tick    time.Duration
	files   files          // those are known from last on, and so is
	lines   *control.Lines // nil before
	ended   bool           // there are no more
}

// find finds the files.
func (s *run) find(ctx context.Context) error {
	units, err := control.AskUnits(ctx, s.at())
	if err != nil {
		return err
	}
	of := make(map[string]outputs)
	for _, u := range units {
		of[strings.TrimSuffix(u.Name, ".target")] = outputs{u.Output, u.Errors}
	}
	s.files = newFiles(logFiles(s.choices, func(app string, instance int) outputs {
		return of[app].of(app, instance)
	}), s.tick)
	return nil
}

func (s *run) at() control.Address { return control.Manager{Runtime: s.folder}.Own() }

// fails is an error in the run's words.
func (s *run) fails(err error) error {
	if errors.Is(err, control.ErrGone) {
		err = errors.New("it has ended")
	}
	return fmt.Errorf("read logs of the gopm run of %s: %w", s.folder, err)
}

func (s *run) close() {
	s.files.close()
	if s.lines != nil {
		s.lines.Close()
	}
}

func (s *run) last(ctx context.Context, q Query, each func(Line)) error {
	if err := s.find(ctx); err != nil {
		return s.fails(err)
	}
	if err := s.files.last(ctx, q, each); err != nil {
		return err
	}
	target := s.choices[0].App + ".target"
	for _, c := range s.choices {
		if c.App != s.choices[0].App {
			target = "" // who names some gets all, and takes his out of it
		}
	}
	var err error
	if s.lines, err = control.AskLines(ctx, s.at(), target, q.Lines > 0, q.Follow); err != nil {
		return s.fails(err)
	}
	var found []Line
	err = s.read(func(said *control.Said) bool {
		if said != nil {
			found = append(found, s.kept(q, said)...)
			found = found[max(0, len(found)-q.Lines):]
		}
		return said != nil
	})
	for _, line := range found {
		each(line)
	}
	return err
}

// follow also follows the files for as long as the run goes on.
func (s *run) follow(ctx context.Context, q Query, each func(Line)) error {
	ofFiles, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	if len(s.files.all) > 0 {
		watching.Go(func() { _ = s.files.follow(ofFiles, q, each) }) // it tells q.Miss
	}
	defer context.AfterFunc(ctx, s.lines.Close)()
	err := s.read(func(said *control.Said) bool {
		if said == nil {
			return true
		}
		if said.Missed > 0 && s.names(said.App) {
			q.Miss(fmt.Errorf("%d lines of %s are missing: they came faster than they were read", said.Missed, said.App))
		}
		for _, line := range s.kept(q, said) {
			each(line)
		}
		return true
	})
	over := ctx.Err() != nil // and the run need not be
	stop()
	watching.Wait()
	if over {
		return nil
	}
	if s.ended {
		s.files.look(q, each, time.Now())
		q.Miss(fmt.Errorf("the gopm run of %s has ended", s.folder))
	}
	return err
}

// read calls each with what the run answers until that is false, or there is no more.
func (s *run) read(each func(*control.Said) bool) error {
	for !s.ended {
		said, err := s.lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			s.ended = true
		case err != nil:
			return s.fails(err)
		case !each(said):
			return nil
		}
	}
	return nil
}

// kept are the lines of what was said that are wanted.
func (s *run) kept(q Query, said *control.Said) []Line {
	line := Line{At: said.At, App: said.App, Run: s.folder, Instance: said.Instance, Stream: Stream(said.Kind)}
	if !line.Stream.FromApp() {
		line.Stream = Activator
	}
	if !wanted(line, s.choices) {
		return nil
	}
	var out []Line
	for _, l := range line.split(string(said.Text)) {
		if q.Keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// names tells whether anything of an app is wanted.
func (s *run) names(app string) bool {
	for _, c := range s.choices {
		if c.App == app {
			return true
		}
	}
	return false
}
