package logs

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"
)

// Reader reads logs.
type Reader struct {
	Journal    Journal
	Journalctl Journalctl
	// Host is the root of the file system that has the units, and Folders those
	// that they are in, the most important first.
	Host    fs.FS
	Folders []string
	// Tick is how often files are looked at.
	Tick time.Duration
}

// Query is what somebody wants to see.
type Query struct {
	Choices []Choice
	// Lines is how many of the last ones are wanted: of the journal, of each gopm run,
	// and of each file.
	Lines int
	// Follow: and all that come, until the context ends.
	Follow bool
	// Keep tells which lines are wanted.
	Keep func(Line) bool
	// NoJournal: the journal is not read.
	NoJournal bool
	// Miss is called for what cannot be read where the rest can, and goes on.
	Miss func(error)
}

// source is where lines are read from.
type source interface {
	// last calls each with the last lines, the oldest first.
	last(ctx context.Context, q Query, each func(Line)) error
	// follow calls each with those that come after them, until ctx ends or no more can
	// come.
	follow(ctx context.Context, q Query, each func(Line)) error
	close()
}

// Read calls each with the lines, one at a time: first those that there are, systemd's
// before each run's and of those the files' before the rest, the oldest first; then,
// with Follow, those that come. It returns nil where the context ends, and where every
// run has and there is nothing else. It fails where nothing can be read.
func (r Reader) Read(ctx context.Context, q Query, each func(Line)) error {
	sources := r.sources(q)
	defer func() {
		for _, s := range sources {
			s.close()
		}
	}()
	var mu sync.Mutex // each and Miss are called by one at a time
	one := func(line Line) {
		mu.Lock()
		defer mu.Unlock()
		each(line)
	}
	miss := q.Miss
	q.Miss = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		miss(err)
	}
	var failed []error
	read := slices.DeleteFunc(slices.Clone(sources), func(s source) bool {
		err := s.last(ctx, q, one)
		if err != nil {
			failed = append(failed, err)
		}
		return err != nil
	})
	if len(read) == 0 || ctx.Err() != nil {
		return unlessEnded(ctx, errors.Join(failed...))
	}
	for _, err := range failed {
		q.Miss(err)
	}
	if !q.Follow {
		return nil
	}
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, s := range read {
		all.Go(func() {
			if err := s.follow(following, q, one); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return unlessEnded(ctx, context.Cause(following))
}

// sources are what the choices need.
func (r Reader) sources(q Query) []source {
	of := make(map[string][]Choice)
	for _, c := range q.Choices {
		of[c.Run] = append(of[c.Run], c)
	}
	var out []source
	for _, folder := range slices.Sorted(maps.Keys(of)) {
		if folder != "" {
			out = append(out, &run{folder: folder, choices: of[folder], tick: r.Tick})
			continue
		}
		if s := newFiles(r.logFiles(of[""]), r.Tick); len(s.all) > 0 {
			out = append(out, s)
		}
		if !q.NoJournal {
			out = append(out, &journal{Journal: r.Journal, run: r.Journalctl, choices: of[""]})
		}
	}
	return out
}

// HasMore tells whether there is anything to read beside the journal.
func (r Reader) HasMore(choices []Choice) bool {
	return slices.ContainsFunc(choices, func(c Choice) bool { return c.Run != "" }) || len(r.logFiles(choices)) > 0
}

// logFiles are those of systemd's units.
func (r Reader) logFiles(choices []Choice) []logFile {
	return logFiles(choices, func(app string, instance int) outputs {
		return outputsOf(r.Host, r.Folders, app, instance)
	})
}

// unlessEnded is err, or nil where the caller has had enough.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
