package runner

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Kind is where a line comes from.
type Kind string

// The kinds, as pm2-runtime --json calls them.
const (
	Out     Kind = "out"
	Err     Kind = "err"
	Process Kind = "process" // gopm itself
)

// Line is one that an app or gopm has written.
type Line struct {
	At  time.Time
	App string // its name in the file; empty: of none
	// Instance is -1 where it is of no single one.
	Instance int
	Kind     Kind
	Text     []byte // without the newline; at most MaxLine bytes
}

// MaxLine is the length from which on a line is cut into several, in bytes. It is
// what container runtimes take for one.
const MaxLine = 16 << 10

// readLines hands on what is read, line by line, until the end.
func readLines(from io.Reader, line func(text []byte)) {
	in := bufio.NewReaderSize(from, MaxLine)
	for {
		text, err := in.ReadSlice('\n')
		if n := len(text); n > 0 {
			if text[n-1] == '\n' {
				text = text[:n-1]
			}
			line(append([]byte(nil), text...))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// sink is where one of a unit's streams goes: to the lines of the run unless
// it is null, and to a file as well where the unit names one.
type sink struct {
	file *os.File
	null bool
}

// openSink opens what StandardOutput= or StandardError= says. What a container
// shows is its output, so a file that cannot be written is no reason not to start.
func openSink(value string) (sink, error) {
	path, isFile := strings.CutPrefix(value, "append:")
	if !isFile {
		return sink{null: value == "null"}, nil
	}
	// As PM2 does, and tmpfiles.d(5) for units. Where it cannot, the file tells.
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return sink{}, fmt.Errorf("open log: %w; its lines go to the output alone", err)
	}
	return sink{file: file}, nil
}

// drain reads a stream until its writers have gone. failed is called when a line
// could first not be written to the file: a full disk may take later ones.
func (s sink) drain(from *os.File, line func(text []byte), failed func(error)) {
	defer from.Close()
	if s.file != nil {
		defer s.file.Close()
	}
	told := false
	readLines(from, func(text []byte) {
		if s.file != nil {
			if _, err := s.file.Write(append(text, '\n')); err != nil && !told {
				told = true
				failed(err)
			}
		}
		if !s.null {
			line(text)
		}
	})
}
