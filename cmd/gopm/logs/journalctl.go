package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// The journal is read by a child, journalctl(1): its files have a format that
// only libsystemd reads, which needs cgo, and a journal that is compressed or
// being rotated is its business.

// mostEntry bounds one entry of the journal, in bytes of JSON. A line of an app's
// has 48 KiB at most (LineMax=, journald.conf(5)).
const mostEntry = 16 << 20

// Journalctl makes the command with arguments; the journal's own, or a test's.
type Journalctl func(ctx context.Context, args ...string) *exec.Cmd

// Command is the journalctl of the machine.
func Command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "journalctl", args...)
	// A Ctrl-C is for us: that the child ends is then no failure.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	return command
}

// errEnough ends the reading of entries.
var errEnough = errors.New("enough")

// entries calls each for the entries that the arguments ask for, until it returns
// an error or there are no more.
func (run Journalctl) entries(ctx context.Context, args []string, each func(entry) error) error {
	// The child ends when the thread does that has started it (Pdeathsig, see
	// prctl(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args = append([]string{"--output=json", "--output-fields=" + fields, "--all", "--quiet", "--no-pager"}, args...)
	command := run(ctx, args...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	stdout, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return fmt.Errorf("run journalctl: %w", err)
	}
	read := readEntries(stdout, each)
	if read != nil {
		cancel()
	}
	ended := command.Wait()
	switch {
	case errors.Is(read, errEnough):
		return nil
	case read != nil:
		return read
	case ended != nil && ctx.Err() == nil:
		return fmt.Errorf("run journalctl: %w: %s", ended, strings.TrimSpace(complaint.String()))
	}
	return ctx.Err()
}

func readEntries(from io.Reader, each func(entry) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, mostEntry)
	for lines.Scan() {
		e, err := parseEntry(lines.Bytes())
		if err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("read journalctl: an entry of over %d bytes", mostEntry)
	}
	return nil // any other error is the child's end, of which Wait tells more
}

// journal is the journal as lines are read from it.
type journal struct {
	Journal
	run     Journalctl
	choices []Choice
	cursor  string // of the newest entry that there was; empty: none
}

func (s *journal) close() {}

func (s *journal) last(ctx context.Context, q Query, each func(Line)) error {
	if q.Lines == 0 {
		return nil
	}
	var lines []Line
	args := append([]string{"--reverse"}, s.matches(s.choices)...)
	err := s.run.entries(ctx, args, func(e entry) error {
		if s.cursor == "" {
			s.cursor = e.Cursor
		}
		said := s.lines(e, s.choices)
		slices.Reverse(said)
		for _, line := range said {
			if q.Keep(line) {
				lines = append(lines, line)
			}
			if len(lines) == q.Lines {
				return errEnough
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, line := range slices.Backward(lines) {
		each(line)
	}
	return nil
}

// follow goes on after the cursor; where that is empty, after now.
func (s *journal) follow(ctx context.Context, q Query, each func(Line)) error {
	args := []string{"--follow", "--lines=0"}
	if s.cursor != "" {
		args = []string{"--follow", "--no-tail", "--after-cursor=" + s.cursor}
	}
	err := s.run.entries(ctx, append(args, s.matches(s.choices)...), func(e entry) error {
		for _, line := range s.lines(e, s.choices) {
			if q.Keep(line) {
				each(line)
			}
		}
		return nil
	})
	if err == nil {
		err = errors.New("follow the journal: journalctl has ended")
	}
	return err
}
