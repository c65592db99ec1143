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

// last are the last n lines that are to be kept, and the cursor of the newest
// entry, from which to go on; empty where there is none.
func (r Reader) last(ctx context.Context, q Query) (lines []Line, cursor string, err error) {
	if q.Lines == 0 {
		return nil, "", nil
	}
	args := append([]string{"--reverse"}, r.Journal.matches(q.Choices)...)
	err = r.Journalctl.entries(ctx, args, func(e entry) error {
		if cursor == "" {
			cursor = e.Cursor
		}
		said := r.Journal.lines(e, q.Choices)
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
	slices.Reverse(lines)
	return lines, cursor, err
}

// follow calls each for what comes after an entry; where cursor is empty, after
// now.
func (r Reader) follow(ctx context.Context, q Query, cursor string, each func(Line)) error {
	args := []string{"--follow", "--lines=0"}
	if cursor != "" {
		args = []string{"--follow", "--no-tail", "--after-cursor=" + cursor}
	}
	return r.Journalctl.entries(ctx, append(args, r.Journal.matches(q.Choices)...), func(e entry) error {
		for _, line := range r.Journal.lines(e, q.Choices) {
			if q.Keep(line) {
				each(line)
			}
		}
		return nil
	})
}
