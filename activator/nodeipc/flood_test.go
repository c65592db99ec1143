package nodeipc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

// What comes too fast is read slower, nothing of it is lost, and it is told once.
func TestServeReadsAFloodSlower(t *testing.T) {
	const lines = 12
	c, worker := pair(t)
	c.pace = rate.NewLimiter(20*lineCost, 2*lineCost)
	slow, got := 0, 0
	c.OnSlow = func() { slow++ }
	go func() {
		_, _ = io.WriteString(worker, strings.Repeat("x\n", lines))
		worker.Close()
	}()
	err := c.Serve(func(line []byte) error {
		c.Count(1)
		got++
		return nil
	})
	if err != io.EOF || got != lines || slow != 1 {
		t.Errorf("Serve gave %d lines and %v, and told %d times that it is slow; want %d, EOF and once", got, err, slow, lines)
	}
}

// Bytes without an end of line are no way around that.
func TestServeReadsAnEndlessLineSlower(t *testing.T) {
	c, worker := pair(t)
	c.pace = rate.NewLimiter(16*longPeek, longPeek)
	slow := 0
	c.OnSlow = func() { slow++ }
	go func() {
		_, _ = worker.Write(bytes.Repeat([]byte("x"), 5*longPeek))
		worker.Close()
	}()
	if err := c.Serve(func([]byte) error { return nil }); err != io.EOF || slow != 1 {
		t.Errorf("Serve says %v, and %d times that it is slow; want EOF and once", err, slow)
	}
}

// Close does not wait for a worker's turn to come.
func TestCloseEndsAPause(t *testing.T) {
	c, worker := pair(t)
	c.pace = rate.NewLimiter(rate.Every(time.Hour), 2*lineCost)
	slow := make(chan struct{})
	c.OnSlow = func() { close(slow) }
	if _, err := io.WriteString(worker, "a\nb\nc\n"); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = c.Serve(func([]byte) error { return nil }) })
	<-slow
	c.Close()
	serving.Wait()
}

// A worker that never reads holds up nobody else, and makes us keep no more than
// so much.
func TestWorkerThatNeverReadsDoesNotBlockOthers(t *testing.T) {
	deaf, _ := pair(t)
	c, worker := pair(t)
	before := openFiles(t)
	var err error
	sent := 0
	for err == nil && sent < 100*maxUnsent {
		if err = deaf.SendHandle(NewTurn("key", 1), 0); err == nil {
			sent++
		}
	}
	if !errors.Is(err, ErrUnread) {
		t.Fatalf("SendHandle says %v, want %v", err, ErrUnread)
	}
	line := make([]byte, 4096)
	for range 10 {
		if err := c.SendHandle(NewTurn("key", 2), 0); err != nil {
			t.Fatal(err)
		}
		if n, _, _, _, err := worker.ReadMsgUnix(line, nil); err != nil || n == 0 {
			t.Fatalf("the other worker reads %d bytes, %v", n, err)
		}
		if err := deaf.Send(Command{Cmd: CmdGopm, Act: ActDrain}); !errors.Is(err, ErrUnread) {
			t.Fatalf("Send says %v, want %v", err, ErrUnread)
		}
	}
	deaf.Close()
	if after := openFiles(t); after > before-1 { // its own
		t.Errorf("%d files are open, want %d at most", after, before-1)
	}
}

// mostRights is how many descriptors one message may carry (SCM_MAX_FD, unix(7)).
const mostRights = 253

func TestThousandsOfDescriptorsAreDropped(t *testing.T) {
	c, worker := pair(t)
	before := openFiles(t)
	const messages = 100
	go func() {
		rights := unix.UnixRights(make([]int, mostRights)...)
		for range messages {
			if _, _, err := worker.WriteMsgUnix([]byte("a\n"), rights, nil); err != nil {
				t.Error(err)
			}
		}
		_ = worker.CloseWrite()
	}()
	lines := 0
	err := c.Serve(func([]byte) error {
		lines++
		if now := openFiles(t); now > before {
			t.Errorf("after %d lines %d files are open, want %d at most", lines, now, before)
		}
		return nil
	})
	if err != io.EOF || lines != messages {
		t.Errorf("Serve gave %d lines and %v, want %d and EOF", lines, err, messages)
	}
}

// FuzzDescriptors: descriptors, however many and wherever in a line, change
// nothing of what is read, and stay nobody's.
func FuzzDescriptors(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte{1, 0, mostRights})
	f.Add([]byte("\n\n\nhalf"), []byte{0, 2})
	f.Fuzz(func(t *testing.T, sent, rights []byte) {
		if len(sent) == 0 || len(rights) == 0 {
			return
		}
		c, worker := pair(t)
		before := openFiles(t)
		go func() {
			// As many pieces as there are counts.
			size := max(1, len(sent)/len(rights))
			for i, rest := 0, sent; len(rest) > 0; i++ {
				piece := rest[:min(size, len(rest))]
				rest = rest[len(piece):]
				n := min(int(rights[i%len(rights)]), mostRights)
				if _, _, err := worker.WriteMsgUnix(piece, unix.UnixRights(make([]int, n)...), nil); err != nil {
					t.Errorf("send %d descriptors: %v", n, err)
				}
			}
			_ = worker.CloseWrite()
		}()
		var got []byte
		err := c.Serve(func(line []byte) error {
			got = append(append(got, line...), '\n')
			return nil
		})
		if whole := sent[:bytes.LastIndexByte(sent, '\n')+1]; err != io.EOF || !bytes.Equal(got, whole) {
			t.Errorf("Serve gave %q and %v, want %q", got, err, whole)
		}
		if after := openFiles(t); after > before {
			t.Errorf("%d files are open, before it were %d", after, before)
		}
	})
}
