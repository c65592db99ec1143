package activator

import "time"

// leastPause and mostPause bound how long nothing is tried again that has just
// been of no use: what the new worker lacks, a database or memory say, the next
// one would lack too.
const (
	leastPause = time.Minute
	mostPause  = 32 * time.Minute
)

// pause is a time in which something is not done again. Each is twice as long as
// the one before it.
type pause struct {
	length time.Duration // of the last one
	end    time.Time
}

// begin begins the next pause and returns how long it is.
func (p *pause) begin(now time.Time) time.Duration {
	p.length = min(max(2*p.length, leastPause), mostPause)
	p.end = now.Add(p.length)
	return p.length
}

// lasts tells whether it is not over.
func (p *pause) lasts(now time.Time) bool { return now.Before(p.end) }

// reset makes the next pause the shortest again.
func (p *pause) reset() { *p = pause{} }
