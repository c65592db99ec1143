package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

const (
	// block is how much of a file is read at a time.
	block = 64 << 10
	// mostLine bounds a line that has no end yet, in bytes: a longer one is cut.
	mostLine = 1 << 20
)

// file is one that a unit's logs go to. It may be cut short (copytruncate of
// logrotate(8)) or replaced by another of its name at any time, and need not be
// there yet.
type file struct {
	path   string
	open   *os.File // nil where there is none
	offset int64
	rest   []byte // the beginning of a line
}

// last opens the file and returns the last n lines that are to be kept, the
// oldest first.
func (f *file) last(n int, keep func(text string) bool) ([]string, error) {
	if err := f.find(); err != nil || f.open == nil {
		return nil, err
	}
	size, err := f.open.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	var lines []string
	var tail []byte // from the end of a line on
	f.offset = size
	first := true
	for at := size; at > 0 && (first || len(lines) < n); {
		from := max(0, at-block)
		part := make([]byte, at-from)
		if _, err := f.open.ReadAt(part, from); err != nil {
			return nil, fmt.Errorf("read %s: %w", f.path, err)
		}
		at = from
		part = append(part, tail...)
		for first || len(lines) < n {
			end := bytes.LastIndexByte(part, '\n')
			if end < 0 && at > 0 {
				break
			}
			switch text := string(part[end+1:]); {
			case first: // what has no newline yet is for later
				f.rest, first = []byte(text), false
			case keep(text):
				lines = append(lines, text)
			}
			if end < 0 {
				break
			}
			part = part[:end]
		}
		tail = part
		if len(tail) > mostLine {
			tail = nil
		}
	}
	slices.Reverse(lines)
	return lines, nil
}

// more are the lines that have come since.
func (f *file) more() ([]string, error) {
	was := f.open
	lines, err := f.read()
	if err != nil {
		return lines, err
	}
	if err := f.find(); err != nil {
		return lines, err
	}
	if f.open != was {
		var next []string
		next, err = f.read()
		lines = append(lines, next...)
	}
	return lines, err
}

// find opens the file that has the name now, unless that is the one which is
// open.
func (f *file) find() error {
	now, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // the old one may still be written to
	case err != nil:
		return fmt.Errorf("find log file: %w", err)
	}
	if f.open != nil {
		if of, err := f.open.Stat(); err == nil && os.SameFile(of, now) {
			return nil
		}
	}
	opened, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("open log file: %w", err)
	}
	f.close()
	f.open, f.offset, f.rest = opened, 0, nil
	return nil
}

// read returns the whole lines from the offset on.
func (f *file) read() ([]string, error) {
	if f.open == nil {
		return nil, nil
	}
	if of, err := f.open.Stat(); err == nil && of.Size() < f.offset {
		f.offset, f.rest = 0, nil
	}
	var lines []string
	part := make([]byte, block)
	for {
		n, err := f.open.ReadAt(part, f.offset)
		f.offset += int64(n)
		f.rest = append(f.rest, part[:n]...)
		for {
			text, rest, found := bytes.Cut(f.rest, []byte("\n"))
			if !found {
				break
			}
			lines = append(lines, string(text))
			f.rest = rest
		}
		if len(f.rest) > mostLine {
			lines = append(lines, string(f.rest))
			f.rest = nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, fmt.Errorf("read %s: %w", f.path, err)
		}
	}
}

func (f *file) close() {
	if f.open != nil {
		f.open.Close()
		f.open = nil
	}
}
