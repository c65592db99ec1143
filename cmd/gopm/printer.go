package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/activator/runner"
)

// style is how lines are printed.
type style struct {
	json, raw, colour bool
	width             int // of whose a line is
}

// What a terminal takes for colours: ECMA-48, "Select graphic rendition".
var colours = map[runner.Kind]string{runner.Out: "\x1b[32m", runner.Err: "\x1b[31m", runner.Process: "\x1b[36m"}

const uncoloured = "\x1b[m"

// jsonLine has the names of pm2-runtime --json.
type jsonLine struct {
	Message   string      `json:"message"`
	Timestamp string      `json:"timestamp"`
	Type      runner.Kind `json:"type"`
	ProcessID *int        `json:"process_id,omitempty"`
	AppName   string      `json:"app_name,omitempty"`
}

// format is a line as it is printed, with its newline.
func (s style) format(l runner.Line) []byte {
	if s.raw && l.Kind != runner.Process {
		return append(l.Text, '\n')
	}
	text := strings.ToValidUTF8(strings.TrimSuffix(string(l.Text), "\r"), "\uFFFD")
	if s.json {
		out := jsonLine{Message: text, Timestamp: l.At.UTC().Format("2006-01-02T15:04:05.000Z"), Type: l.Kind, AppName: l.App}
		if l.Instance >= 0 {
			out.ProcessID = &l.Instance
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(out) // strings and numbers always encode
		return []byte(b.String())
	}
	whose := "gopm"
	if l.Kind != runner.Process {
		whose = fmt.Sprintf("%d|%s", l.Instance, l.App)
	}
	whose = fmt.Sprintf("%-*s |", s.width, whose)
	if s.colour {
		whose = colours[l.Kind] + whose + uncoloured
	}
	return []byte(whose + " " + text + "\n")
}

const (
	// mostPending is how much waits for a reader that is slow, in bytes.
	mostPending = 4 << 20
	// patience is how long a line waits for room; then it is lost. An app waits
	// that long for its own write.
	patience = 100 * time.Millisecond
	// lastWait is how long the last lines may take at the end.
	lastWait = 2 * time.Second
)

// printer prints lines from a goroutine of its own, so that who reads them slowly
// or not at all holds nobody up: what does not fit is lost, and counted.
type printer struct {
	out, errs io.Writer
	style     style
	done      chan struct{}

	mu      sync.Mutex
	pending []byte
	lost    int
	stuck   bool          // the last line was lost: the next one does not wait
	broken  bool          // nobody reads any more
	closed  bool          // and the printer ends when nothing is pending
	some    *sync.Cond    // there is something to do
	room    chan struct{} // closed, and made anew, when there is room
}

func newPrinter(out, errs io.Writer, s style) *printer {
	p := &printer{out: out, errs: errs, style: s, done: make(chan struct{}), room: make(chan struct{})}
	p.some = sync.NewCond(&p.mu)
	go p.write()
	return p
}

// print takes a line.
func (p *printer) print(l runner.Line) {
	text := p.style.format(l)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.fits(text) && !p.stuck {
		p.await(text)
	}
	if p.stuck = !p.fits(text); p.stuck {
		p.lost++
		return
	}
	if !p.broken {
		p.pending = append(p.pending, text...)
		p.some.Signal()
	}
}

func (p *printer) fits(text []byte) bool {
	return p.broken || len(p.pending)+len(text) <= mostPending
}

// await waits for room, without the lock.
func (p *printer) await(text []byte) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for !p.fits(text) {
		room := p.room
		p.mu.Unlock()
		over := false
		select {
		case <-room:
		case <-late.C:
			over = true
		}
		p.mu.Lock()
		if over {
			return
		}
	}
}

func (p *printer) write() {
	defer close(p.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.pending) == 0 && !p.closed {
			p.some.Wait()
		}
		if len(p.pending) == 0 || p.broken {
			return
		}
		text := p.pending
		p.pending = nil
		if p.lost > 0 {
			text = append(text, p.style.format(runner.Line{At: time.Now(), Instance: -1, Kind: runner.Process,
				Text: fmt.Appendf(nil, "%d lines were lost: standard output did not take them in time", p.lost)})...)
			p.lost = 0
		}
		close(p.room)
		p.room = make(chan struct{})
		p.mu.Unlock()
		_, err := p.out.Write(text)
		p.mu.Lock()
		if err != nil {
			p.broken, p.pending = true, nil
			fmt.Fprintf(p.errs, "gopm: warning: write to standard output: %v; the apps go on, and their lines are lost\n", err)
			return
		}
	}
}

// close waits for what is pending, but not for ever.
func (p *printer) close() {
	p.mu.Lock()
	p.closed = true
	p.some.Signal()
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-time.After(lastWait):
	}
}
