package runner

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// What is kept of each app's lines for who asks for them later, as gopm(1) tells. It
// is memory of the run.
const (
	mostKept      = 1000
	mostKeptBytes = 128 << 10
)

// mostTold is how many may read lines at the same time: fewer than may ask for
// anything, so that those who steer get through.
const mostTold = 64

// lastTold is how long they may take to read the last lines of a run.
const lastTold = 500 * time.Millisecond

// kept is a line, and its number among those of all apps.
type kept struct {
	Line
	number uint64
}

// tail is the last lines of one app.
type tail struct {
	ring     []kept
	first, n int
	bytes    int
	gone     uint64 // how many there were before them
}

// at is the line i of the n, the oldest first.
func (t *tail) at(i int) *kept { return &t.ring[(t.first+i)%len(t.ring)] }

func (t *tail) add(line kept) {
	t.bytes += len(line.Text)
	for t.n == mostKept || t.n > 0 && t.bytes > mostKeptBytes {
		oldest := t.at(0)
		t.bytes -= len(oldest.Text)
		*oldest = kept{}
		t.first = (t.first + 1) % len(t.ring)
		t.n--
		t.gone++
	}
	if t.n == len(t.ring) {
		ring := make([]kept, min(2*t.n+8, mostKept))
		for i := range t.n {
			ring[i] = *t.at(i)
		}
		t.ring, t.first = ring, 0
	}
	t.n++
	*t.at(t.n - 1) = line
}

// tails are the last lines of all apps. Who reads them has a place in each, and no
// lines of his own, so one who is slow or dead costs nothing: what he has not read in
// time is gone, and he is told how much that is.
type tails struct {
	of    map[string]*tail // by app; which there are does not change
	ended chan struct{}    // closed when no more come

	mu     sync.Mutex // guards what follows, and each tail
	number uint64     // of the newest line
	some   chan struct{}
	told   int // how many read
	all    sync.WaitGroup
}

func newTails(apps []*app) *tails {
	t := &tails{of: map[string]*tail{}, ended: make(chan struct{})}
	for _, a := range apps {
		t.of[a.name] = &tail{}
	}
	return t
}

// add keeps a line. It waits for nobody.
func (t *tails) add(line Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of := t.of[line.App]; of != nil {
		t.number++
		of.add(kept{line, t.number})
		t.wake()
	}
}

// wake has those look who wait for more.
func (t *tails) wake() {
	if t.some != nil {
		close(t.some)
		t.some = nil
	}
}

// close gives those who read some time for the last lines.
func (t *tails) close() {
	t.mu.Lock()
	close(t.ended)
	t.wake()
	t.mu.Unlock()
	done := make(chan struct{})
	go func() { t.all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(lastTold):
	}
}

// errEnded is for who comes while the run is about to be over.
var errEnded = errors.New("this gopm run is about to end")

// place is where in an app's lines somebody reads.
type place struct {
	in           *tail
	next, missed uint64
}

// reader is one who reads the lines of some apps, or of all.
type reader struct {
	of     *tails
	places []*place
	now    uint64 // the newest line when it began
}

// reader begins with what is kept or, without that, with what comes. The caller
// closes it. An empty app is all.
func (t *tails) reader(app string, fromKept bool) (*reader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if isClosed(t.ended) {
		return nil, errEnded
	}
	if t.told == mostTold {
		return nil, fmt.Errorf("%d read the logs of this gopm run already", mostTold)
	}
	r := &reader{of: t, now: t.number}
	for name, in := range t.of {
		if app != "" && app != name {
			continue
		}
		p := &place{in: in, next: in.gone}
		if !fromKept {
			p.next += uint64(in.n)
		}
		r.places = append(r.places, p)
	}
	t.told++
	t.all.Add(1)
	return r, nil
}

func (r *reader) close() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.of.told--
	r.of.all.Done()
}

// What is taken at a time: as many lines, and as many bytes of text but for the last.
const (
	mostTaken      = 256
	mostTakenBytes = 16 << 10
)

// taken is a line, and how many of its app were missed before it.
type taken struct {
	kept
	missed uint64
}

// take returns the next lines, in the order in which they were said. Where there are
// none yet, some is closed when there may be.
func (r *reader) take() (lines []taken, some <-chan struct{}) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	for bytes := 0; len(lines) < mostTaken && bytes < mostTakenBytes; {
		p := r.oldest()
		if p == nil {
			break
		}
		line := taken{*p.line(), p.missed}
		p.next, p.missed = p.next+1, 0
		bytes += len(line.Text)
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		return lines, nil
	}
	if r.of.some == nil {
		r.of.some = make(chan struct{})
	}
	return nil, r.of.some
}

// oldest is where the next line is; nil where there is none.
func (r *reader) oldest() *place {
	var found *place
	for _, p := range r.places {
		if p.next < p.in.gone {
			p.missed += p.in.gone - p.next
			p.next = p.in.gone
		}
		if line := p.line(); line != nil && (found == nil || line.number < found.line().number) {
			found = p
		}
	}
	return found
}

// line is the one to be read next; nil where there is none.
func (p *place) line() *kept {
	i := int(p.next - p.in.gone)
	if i == p.in.n {
		return nil
	}
	return p.in.at(i)
}
