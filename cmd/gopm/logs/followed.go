package logs

import (
	"context"
	"time"
)

// files are those that lines are read from.
type files struct {
	all  []*followed
	tick time.Duration
}

// followed is a file and what its lines are.
type followed struct {
	file
	line   Line
	missed bool
}

func newFiles(found []logFile, tick time.Duration) files {
	s := files{tick: tick}
	for _, f := range found {
		s.all = append(s.all, &followed{file: file{path: f.path}, line: f.line})
	}
	return s
}

func (s files) close() {
	for _, f := range s.all {
		f.close()
	}
}

// last is of each file.
func (s files) last(_ context.Context, q Query, each func(Line)) error {
	for _, f := range s.all {
		texts, err := f.last(q.Lines, func(text string) bool { return q.Keep(f.with(text)) })
		for _, text := range texts {
			each(f.with(text))
		}
		f.miss(q, err)
	}
	return nil
}

func (s files) follow(ctx context.Context, q Query, each func(Line)) error {
	tick := time.NewTicker(s.tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			s.look(q, each, now)
		}
	}
}

// look gives what has come in the files.
func (s files) look(q Query, each func(Line), now time.Time) {
	for _, f := range s.all {
		texts, err := f.more()
		for _, text := range texts {
			line := f.with(text)
			line.At = now
			if q.Keep(line) {
				each(line)
			}
		}
		f.miss(q, err)
	}
}

func (f *followed) with(text string) Line {
	line := f.line
	line.Text = text
	return line
}

// miss tells of an error once; the file is looked for again and again.
func (f *followed) miss(q Query, err error) {
	if err != nil && !f.missed {
		q.Miss(err)
	}
	f.missed = err != nil
}
