// Package life sees the workers of the benchmark begin, become ready and end,
// whoever runs them: each holds a connection as long as it lives.
package life

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// OnMachine is where the app looks for the socket's folder.
const OnMachine = "/opt/life"

// A Worker is a Node process that runs the app.
type Worker struct {
	PID   int       // as the machine sees it
	Host  int       // as this process sees it
	Begun time.Time // when Node began, before it read any code
	Ready time.Time // when it listened; zero until then
}

// A Watch knows the workers that live.
type Watch struct {
	folder   string
	listener net.Listener

	mu      sync.Mutex
	living  []Worker
	changed chan struct{} // closed at each change
}

// New begins to watch. The caller closes the watch.
func New() (*Watch, error) {
	folder, err := os.MkdirTemp("", "gopm-life-")
	if err != nil {
		return nil, fmt.Errorf("watch workers: %w", err)
	}
	// Workers run as users of their own.
	name := filepath.Join(folder, "socket")
	listener, err := net.Listen("unix", name)
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err == nil {
		err = os.Chmod(name, 0o777)
	}
	if err != nil {
		os.RemoveAll(folder)
		return nil, fmt.Errorf("watch workers: %w", err)
	}
	w := &Watch{folder: folder, listener: listener, changed: make(chan struct{})}
	go w.accept()
	return w, nil
}

// Folder is the host's folder that is to be seen as OnMachine.
func (w *Watch) Folder() string { return w.folder }

// Close ends the watch.
func (w *Watch) Close() error {
	w.listener.Close()
	return os.RemoveAll(w.folder)
}

func (w *Watch) accept() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.follow(conn)
	}
}

// follow reads "PID BEGUN", then "ready", then the end.
func (w *Watch) follow(conn net.Conn) {
	defer conn.Close()
	host, err := sender(conn)
	if err != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	var pid int
	var begun float64 // ms since the epoch: performance.timeOrigin
	if !lines.Scan() {
		return
	}
	if _, err := fmt.Sscan(lines.Text(), &pid, &begun); err != nil {
		return
	}
	w.change(func() {
		w.living = append(w.living, Worker{PID: pid, Host: host, Begun: time.UnixMicro(int64(begun * 1000))})
	})
	defer w.change(func() {
		w.living = slices.DeleteFunc(w.living, func(other Worker) bool { return other.PID == pid })
	})
	for lines.Scan() {
		ready := time.Now()
		w.change(func() {
			for i := range w.living {
				if w.living[i].PID == pid {
					w.living[i].Ready = ready
				}
			}
		})
	}
}

// sender is the process at the other end, as this one sees it (SO_PEERCRED of
// unix(7)).
func sender(conn net.Conn) (int, error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return 0, err
	}
	return int(credentials.Pid), nil
}

func (w *Watch) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

// Living are the workers that live now.
func (w *Watch) Living() []Worker {
	living, _ := w.look()
	return living
}

func (w *Watch) look() ([]Worker, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.living), w.changed
}

// patience bounds each wait; 64 workers take half a minute to start on 2 CPUs.
const patience = 3 * time.Minute

// Wait waits until the living workers are as wanted, and returns them.
func (w *Watch) Wait(ctx context.Context, what string, wanted func([]Worker) bool) ([]Worker, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		living, changed := w.look()
		if wanted(living) {
			return living, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return living, fmt.Errorf("wait for %s, there are %d workers: %w", what, len(living), ctx.Err())
		}
	}
}

// Ready waits until n workers are ready and there is no other.
func (w *Watch) Ready(ctx context.Context, n int) ([]Worker, error) {
	return w.Wait(ctx, fmt.Sprintf("%d ready workers", n), func(living []Worker) bool {
		return len(living) == n && !slices.ContainsFunc(living, func(l Worker) bool { return l.Ready.IsZero() })
	})
}

// Replaced waits until n workers are ready, there is no other, and none of them
// is one of old.
func (w *Watch) Replaced(ctx context.Context, n int, old []Worker) ([]Worker, error) {
	gone := map[int]bool{}
	for _, o := range old {
		gone[o.PID] = true
	}
	return w.Wait(ctx, fmt.Sprintf("%d new workers", n), func(living []Worker) bool {
		return len(living) == n && !slices.ContainsFunc(living, func(l Worker) bool { return l.Ready.IsZero() || gone[l.PID] })
	})
}
