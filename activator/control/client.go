package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrGone tells that the activator ended before it answered.
var ErrGone = errors.New("the activator went away")

// ErrCanceled tells that something else was asked for meanwhile.
var ErrCanceled = errors.New("canceled")

// ErrDenied tells that the client may not ask for what it asks for.
var ErrDenied = errors.New("denied")

// deniedError is ErrDenied in the words of the activator.
type deniedError struct{ text string }

func (e *deniedError) Error() string { return e.text }

func (e *deniedError) Unwrap() error { return ErrDenied }

// retryPause is between two attempts to reach an activator that restarts.
const retryPause = 100 * time.Millisecond

// Ask sends hello to an activator and waits for its last answer.
// progress is called for each line before it. ErrGone where the activator ends
// first; the error of the answer where it has one.
func Ask(ctx context.Context, at Address, hello Hello, progress func(string)) error {
	return ask(ctx, at, hello, func(answer Answer) { progress(answer.Progress) })
}

// AskReload is Ask for a reload. progress is called with the answers that tell
// how far it is.
func AskReload(ctx context.Context, at Address, progress func(Answer)) error {
	return ask(ctx, at, Hello{Verb: Reload}, progress)
}

// ask is Ask with all of each answer.
func ask(ctx context.Context, at Address, hello Hello, part func(Answer)) error {
	a, err := request(ctx, at, hello)
	if err != nil {
		return err
	}
	defer a.close()
	for {
		answer, err := a.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		part(answer)
	}
}

// answers are those to one request.
type answers struct {
	ctx   context.Context
	conn  *net.UnixConn
	lines *bufio.Scanner
	keep  func() bool // keeps the connection open where ctx ends
}

// request sends hello. The caller closes what it returns.
func request(ctx context.Context, at Address, hello Hello) (*answers, error) {
	conn, err := dial(ctx, at)
	if err != nil {
		return nil, err
	}
	a := &answers{ctx: ctx, conn: conn, lines: bufio.NewScanner(conn)}
	a.lines.Buffer(nil, MaxPart)
	a.keep = context.AfterFunc(ctx, func() { conn.Close() })
	if _, err := conn.Write(Line(hello)); err != nil {
		a.close()
		return nil, ErrGone
	}
	return a, nil
}

func (a *answers) close() {
	a.keep()
	a.conn.Close()
}

// next is the next answer; io.EOF where the one before it was the last but for that
// which says only that all is done.
func (a *answers) next() (Answer, error) {
	if a.lines.Scan() {
		var answer Answer
		if err := json.Unmarshal(a.lines.Bytes(), &answer); err != nil {
			return Answer{}, fmt.Errorf("read answer of activator: %w", err)
		}
		last, err := answer.outcome()
		if last && err == nil {
			err = io.EOF
		}
		return answer, err
	}
	if err := a.ctx.Err(); err != nil {
		return Answer{}, err
	}
	if errors.Is(a.lines.Err(), bufio.ErrTooLong) {
		return Answer{}, errTooLong
	}
	return Answer{}, ErrGone
}

// errTooLong tells that what answers is no activator.
var errTooLong = fmt.Errorf("read answer of activator: a line of over %d bytes", MaxPart)

// outcome tells whether it is the last answer, and what has become of the request.
func (a Answer) outcome() (last bool, err error) {
	switch {
	case a.Canceled:
		err = fmt.Errorf("%w: %s", ErrCanceled, a.Error)
	case a.Denied:
		err = &deniedError{a.Error}
	case a.Error != "":
		err = errors.New(a.Error)
	}
	return a.Done || err != nil, err
}

// Insist is Ask again and again for as long as the activator goes away before
// it answers: systemd starts the next one at the first connection.
func Insist(ctx context.Context, at Address, hello Hello) error {
	for {
		err := Ask(ctx, at, hello, func(string) {})
		if !errors.Is(err, ErrGone) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Attached is what an instance gets. Its descriptors are the caller's, and have
// O_CLOEXEC.
type Attached struct {
	Channel *os.File
	// Listeners are those of the app's socket units, in fork mode.
	Listeners []Socket
}

// Socket is a listening one: Name is an address with a port, or a path.
type Socket struct {
	Name string
	FD   int
}

// Attach makes a connection the channel of an instance. It insists like Insist.
func Attach(ctx context.Context, at Address, hello Hello) (Attached, error) {
	for {
		attached, err := attach(ctx, at, hello)
		if !errors.Is(err, ErrGone) {
			return attached, err
		}
		if err := pause(ctx); err != nil {
			return Attached{}, err
		}
	}
}

func attach(ctx context.Context, at Address, hello Hello) (Attached, error) {
	conn, err := dial(ctx, at)
	if err != nil {
		return Attached{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(Line(hello)); err != nil {
		return Attached{}, ErrGone
	}
	answer, fds, err := readAnswer(conn)
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	if err == nil && len(fds) != 1+len(answer.Listeners) {
		err = fmt.Errorf("read answer of activator: %d descriptors came for a channel and %d listeners; is it of another version? restart gopm-activator@%s", len(fds), len(answer.Listeners), at.App)
	}
	if err != nil {
		closeAll(fds)
		return Attached{}, err
	}
	out := Attached{Channel: os.NewFile(uintptr(fds[0]), "channel")}
	for i, name := range answer.Listeners {
		out.Listeners = append(out.Listeners, Socket{name, fds[1+i]})
	}
	return out, nil
}

// readAnswer reads one with its descriptors, which come with its first byte.
func readAnswer(conn *net.UnixConn) (answer Answer, fds []int, err error) {
	line := make([]byte, MaxLine)
	rights := make([]byte, unix.CmsgSpace(4*(1+MaxListeners)))
	for have, end := 0, -1; end < 0; {
		n, came, _, _, err := conn.ReadMsgUnix(line[have:], rights)
		more, rightsErr := rightsOf(rights[:came])
		fds = append(fds, more...)
		have += n
		end = bytes.IndexByte(line[:have], '\n')
		switch {
		case err != nil || n == 0:
			err = ErrGone
		case rightsErr != nil:
			err = fmt.Errorf("read answer of activator: %w", rightsErr)
		case end < 0 && have == len(line):
			err = errors.New("read answer of activator: line too long")
		case end >= 0:
			line = line[:end]
		}
		if err != nil {
			closeAll(fds)
			return Answer{}, nil, err
		}
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		closeAll(fds)
		return Answer{}, nil, fmt.Errorf("read answer of activator: %w", err)
	}
	return answer, fds, nil
}

// rightsOf are the descriptors in a control message.
func rightsOf(control []byte) ([]int, error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, m := range messages {
		more, err := unix.ParseUnixRights(&m)
		if err != nil {
			return fds, err
		}
		fds = append(fds, more...)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func dial(ctx context.Context, at Address) (*net.UnixConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", at.Path)
	if err != nil {
		return nil, unreached(at, err)
	}
	return conn.(*net.UnixConn), nil
}

// unreached says who cannot be, and what to do about it.
func unreached(at Address, err error) error {
	switch {
	case at.App == "":
		return fmt.Errorf("reach the gopm run: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reach the activator of %s: %w; start %s.target or, if it runs and somebody has removed the socket, restart gopm-activator@%s.socket", at.App, err, at.App, at.App)
	}
	return fmt.Errorf("reach the activator of %s: %w", at.App, err)
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryPause):
		return nil
	}
}
