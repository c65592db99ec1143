package watch

import "time"

// patience is how many delays a batch waits at most for the changes to end.
const patience = 20

// batch is changes that are one: it ends when nothing has changed for the
// delay, or at last when something changes without end.
type batch struct {
	delay       time.Duration
	paths       []string // each once, in their order
	seen        map[string]bool
	first, last time.Time
}

func (b *batch) add(path string, now time.Time) {
	if len(b.paths) == 0 {
		b.first = now
		b.seen = make(map[string]bool)
	}
	b.last = now
	if !b.seen[path] {
		b.seen[path] = true
		b.paths = append(b.paths, path)
	}
}

// due is when the batch ends; false where there is none.
func (b *batch) due() (time.Time, bool) {
	quiet, latest := b.last.Add(b.delay), b.first.Add(patience*b.delay)
	if quiet.After(latest) {
		quiet = latest
	}
	return quiet, len(b.paths) > 0
}

// take ends the batch.
func (b *batch) take() []string {
	paths := b.paths
	b.paths, b.seen = nil, nil
	return paths
}
