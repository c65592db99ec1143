package runner

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// reaper is the only one in the process that waits for children: those that it
// has started, and orphans, which the kernel gives to process 1 and to whoever
// asked for them (PR_SET_CHILD_SUBREAPER, prctl(2)). os/exec waits itself, and
// must not be used beside it.
type reaper struct {
	// mu is held from a fork to its entry in children, and while any child is
	// reaped: so an exit status is never taken before it is known whose it is,
	// and a number that is signalled is still the process's own.
	mu       sync.Mutex
	children map[int]*process

	starts chan func()
	ended  chan os.Signal
}

// process is a child.
type process struct {
	of     *reaper
	unit   string // whose it is
	pid    int
	done   chan struct{}   // closed when it has ended
	status unix.WaitStatus // after that
}

// newReaper makes this process the parent of all orphans below it, and reaps
// until stop.
func newReaper() (*reaper, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphans: %w", err)
	}
	r := &reaper{children: map[int]*process{}, starts: make(chan func()), ended: make(chan os.Signal, 1)}
	signal.Notify(r.ended, unix.SIGCHLD)
	// A child inherits that a signal is ignored, as it is below nohup(1) and for a
	// script's background jobs. A unit ignores none, and SIGINT is to end it. What is
	// asked for is not ignored, for as long as this process runs.
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	go r.reap()
	go r.startAll()
	return r, nil
}

// startAll forks on a thread that never ends: Pdeathsig= is about the thread
// that forked, and a child has its affinity.
func (r *reaper) startAll() {
	runtime.LockOSThread()
	for start := range r.starts {
		start()
	}
}

// start has fork make a child of a unit, on the thread for that.
func (r *reaper) start(unit string, fork func() (pid int, err error)) (*process, error) {
	p := &process{of: r, unit: unit, done: make(chan struct{})}
	var err error
	forked := make(chan struct{})
	r.starts <- func() {
		defer close(forked)
		r.mu.Lock()
		defer r.mu.Unlock()
		if p.pid, err = fork(); err == nil {
			r.children[p.pid] = p
		}
	}
	<-forked
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (r *reaper) reap() {
	for range r.ended {
		for r.reapOne() {
		}
	}
}

// reapOne tells whether there was one that has ended.
func (r *reaper) reapOne() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var status unix.WaitStatus
	pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
	if err == unix.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if p := r.children[pid]; p != nil {
		delete(r.children, pid)
		p.status = status
		close(p.done)
	}
	return true
}

// find is a child that has not ended, by its number; nil where there is none. A
// child may ask for something before start has returned; it is found all the same.
func (r *reaper) find(pid int) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.children[pid]
}

// stop ends the reaper. What ends later stays a zombie until this process ends.
func (r *reaper) stop() {
	signal.Stop(r.ended)
	close(r.ended)
	close(r.starts)
}

// signal sends one, unless the process has ended.
func (p *process) signal(s unix.Signal) {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if p.of.children[p.pid] == p {
		_ = unix.Kill(p.pid, s) // it may have become another user's, and is no more ours then
	}
}

// runs tells whether it has not ended.
func (p *process) runs() bool { return !isClosed(p.done) }

// isClosed is for channels on which nothing is sent.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
