package main

import (
	"sync"
	"time"

	"github.com/gopm/gopm/cmd/gopm/logs"
	"github.com/gopm/gopm/cmd/gopm/monit"
)

// mostBatched bounds the lines that wait to be shown: of more the first are
// dropped.
const mostBatched = 10000

// batch collects lines and hands them on some times a second. Where none come it
// has no timer.
type batch struct {
	show func(monit.Said)

	mu    sync.Mutex
	lines monit.Said
	timer *time.Timer // nil where nothing waits
}

func newBatch(show func(monit.Said)) *batch { return &batch{show: show} }

func (b *batch) add(line logs.Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) >= mostBatched {
		b.lines = b.lines[len(b.lines)-mostBatched/2:]
	}
	b.lines = append(b.lines, line)
	if b.timer == nil {
		b.timer = time.AfterFunc(monitBatch, b.hand)
	}
}

func (b *batch) hand() {
	b.mu.Lock()
	lines := b.lines
	b.lines, b.timer = nil, nil
	b.mu.Unlock()
	b.show(lines)
}

func (b *batch) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
}
