package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// journalStdout is where journald(8) takes streams of lines from.
	journalStdout = "/run/systemd/journal/stdout"
	// errorPriority is a warning (syslog(3)). systemd gives 6 to both of a unit's
	// streams, which are one then, and nobody can tell what was an error.
	errorPriority = 4
	// journalPatience is how long journald may take: it can hang, and a worker
	// starts all the same.
	journalPatience = time.Second
	// streamBuffer is what systemd gives its own, in bytes (connect_logger_as() of
	// its src/core/execute.c). The kernel allows less.
	streamBuffer = 8 << 20
)

// markErrors gives standard error a stream of its own to the journal, whose lines
// have the priority of a warning, where it leads there now. It returns what is to
// be $JOURNAL_STREAM then (systemd.exec(5)); empty where nothing has changed.
func markErrors(journalStream, identifier string) (string, error) {
	if is, err := streamOf(unix.Stderr); err != nil || is != journalStream {
		return "", nil // it is closed, or a file
	}
	conn, err := net.DialTimeout("unix", journalStdout, journalPatience)
	if err != nil {
		return "", fmt.Errorf("reach the journal: %w", err)
	}
	defer conn.Close()
	file, err := conn.(*net.UnixConn).File() // it blocks, as a program expects
	if err != nil {
		return "", fmt.Errorf("reach the journal: %w", err)
	}
	defer file.Close()
	fd := int(file.Fd())
	// What sd_journal_stream_fd(3) sends: identifier, unit, priority, whether lines
	// may begin with a priority of their own, and where else they go.
	header := fmt.Sprintf("%s\n\n%d\n1\n0\n0\n0\n", identifier, errorPriority)
	_, writeErr := file.WriteString(header)
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, streamBuffer),
		unix.Shutdown(fd, unix.SHUT_RD),
		writeErr,
		unix.Dup3(fd, unix.Stderr, 0),
	); err != nil {
		return "", fmt.Errorf("reach the journal: %w", err)
	}
	return streamOf(unix.Stderr)
}

// streamOf is how $JOURNAL_STREAM names a descriptor.
func streamOf(fd int) (string, error) {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d", s.Dev, s.Ino), nil
}
