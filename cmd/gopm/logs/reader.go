package logs

import (
	"context"
	"io/fs"
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
	// Lines is how many of the last ones are wanted: of the journal, and of each
	// file.
	Lines int
	// Follow: and all that come, until the context ends.
	Follow bool
	// Keep tells which lines are wanted.
	Keep func(Line) bool
	// NoJournal: only the files are read.
	NoJournal bool
	// Miss is called for a file that cannot be read; the rest goes on.
	Miss func(error)
}

// Read calls each with the lines, one at a time: first those that there are, the
// files' before the journal's, the oldest first; then, with Follow, those that
// come. It returns nil where the context ends.
func (r Reader) Read(ctx context.Context, q Query, each func(Line)) error {
	var files []*followed
	for _, f := range logFiles(r.Host, r.Folders, q.Choices) {
		files = append(files, &followed{file: file{path: f.path}, line: f.line})
	}
	defer func() {
		for _, f := range files {
			f.close()
		}
	}()
	for _, f := range files {
		f.begin(q, each)
	}
	var cursor string
	if !q.NoJournal {
		lines, at, err := r.last(ctx, q)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		for _, line := range lines {
			each(line)
		}
		cursor = at
	}
	if !q.Follow {
		return nil
	}
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex // each is called by one at a time
	one := func(line Line) {
		mu.Lock()
		defer mu.Unlock()
		each(line)
	}
	var both sync.WaitGroup
	if !q.NoJournal {
		both.Go(func() { stop(r.follow(following, q, cursor, one)) })
	}
	both.Go(func() { r.watch(following, q, files, one) })
	both.Wait()
	return unlessEnded(ctx, context.Cause(following))
}

// HasFiles tells whether any of the choices logs to a file.
func (r Reader) HasFiles(choices []Choice) bool {
	return len(logFiles(r.Host, r.Folders, choices)) > 0
}

// unlessEnded is err, or nil where the caller has had enough.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// followed is a file and what its lines are.
type followed struct {
	file
	line   Line
	missed bool
}

func (f *followed) with(text string) Line {
	line := f.line
	line.Text = text
	return line
}

// begin gives the last lines of the file.
func (f *followed) begin(q Query, each func(Line)) {
	texts, err := f.last(q.Lines, func(text string) bool { return q.Keep(f.with(text)) })
	for _, text := range texts {
		each(f.with(text))
	}
	f.miss(q, err)
}

// miss tells of an error once; the file is looked for again and again.
func (f *followed) miss(q Query, err error) {
	if err != nil && !f.missed {
		q.Miss(err)
	}
	f.missed = err != nil
}

// watch gives what comes in files until the context ends.
func (r Reader) watch(ctx context.Context, q Query, files []*followed, each func(Line)) {
	if len(files) == 0 && !q.NoJournal {
		return
	}
	tick := time.NewTicker(r.Tick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, f := range files {
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
	}
}
