package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Survey asks activators for their statuses. A status comes in parts, one line each:
// no line is longer than what one worker has told.
type Survey struct {
	// Measures is how long the workers may take to tell what they measure of
	// themselves, five seconds at most; who does not answer in time is shown without.
	// 0: they are not asked.
	Measures time.Duration
	// Patience is how long an activator may take to answer.
	Patience time.Duration
}

// Ask asks all of them. answered is called with each one's status, by its place in
// at, or with why there is none: context.DeadlineExceeded where its time is up.
//
// There may be hundreds, which all answer within milliseconds. So one thread waits
// for all: to wake one for each takes longer than to hear it.
func (s Survey) Ask(ctx context.Context, at []Address, answered func(i int, status Status, err error)) {
	hello := Hello{Verb: Look}
	if s.Measures > 0 {
		hello.MeasureMS = max(s.Measures.Milliseconds(), 1)
	}
	line := Line(hello)
	var open []*question
	buffer := make([]byte, MaxMessage)
	for next := 0; next < len(at) || len(open) > 0; {
		for ; next < len(at) && len(open) < mostOpen; next++ {
			q, err := pose(next, at[next], line, time.Now().Add(s.Patience))
			if err != nil {
				answered(next, Status{}, err)
				continue
			}
			open = append(open, q)
		}
		await(open)
		now := time.Now()
		open = slices.DeleteFunc(open, func(q *question) bool {
			over, err := q.hear(buffer)
			switch {
			case over:
			case ctx.Err() != nil:
				err = ctx.Err()
			case now.After(q.until):
				err = context.DeadlineExceeded
			default:
				return false
			}
			unix.Close(q.fd)
			answered(q.of, q.status, err)
			return true
		})
	}
}

// AskStatus asks one activator for its status, without what workers measure.
func AskStatus(ctx context.Context, at Address, patience time.Duration) (status Status, err error) {
	Survey{Patience: patience}.Ask(ctx, []Address{at}, func(_ int, s Status, e error) { status, err = s, e })
	return status, err
}

const (
	// mostOpen is how many are asked at a time: of a thousand, the last would not
	// answer in time because of all the others.
	mostOpen = 64
	// longestWait is until it is looked again whether anybody still wants to know.
	longestWait = 100 * time.Millisecond
)

// question is one that is not answered yet.
type question struct {
	of     int // its place
	fd     int
	ready  bool // there is something to read
	until  time.Time
	rest   []byte // what is read and not yet taken
	told   bool   // there is a status
	status Status
}

// pose asks one activator.
func pose(place int, at Address, line []byte, until time.Time) (*question, error) {
	fail := func(call string, err error) error {
		return unreached(at, &net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: at.Path, Net: "unix"}, Err: os.NewSyscallError(call, err)})
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fail("socket", err)
	}
	// It is connected at once or not at all (connect(2), EAGAIN).
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: at.Path}); err != nil {
		unix.Close(fd)
		return nil, fail("connect", err)
	}
	// So little always fits.
	if _, err := unix.Write(fd, line); err != nil {
		unix.Close(fd)
		return nil, ErrGone
	}
	return &question{of: place, fd: fd, until: until}, nil
}

// await waits until one of the questions can go on, or its time is up.
func await(open []*question) {
	var polled []unix.PollFd
	wait := longestWait
	for _, q := range open {
		polled = append(polled, unix.PollFd{Fd: int32(q.fd), Events: unix.POLLIN})
		wait = min(wait, time.Until(q.until))
	}
	// Rounded up, or the last millisecond would be spent looking. An error is EINTR.
	n, _ := unix.Poll(polled, int(max(wait, 0)/time.Millisecond)+1)
	for i, q := range open {
		q.ready = n > 0 && polled[i].Revents != 0
	}
}

// hear reads what there is. over: that was all, or is wrong.
func (q *question) hear(buffer []byte) (over bool, err error) {
	if !q.ready {
		return false, nil
	}
	n, err := unix.Read(q.fd, buffer)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil:
		return true, ErrGone
	}
	q.rest = append(q.rest, buffer[:n]...)
	for {
		line, more, whole := bytes.Cut(q.rest, []byte{'\n'})
		if len(line) > MaxPart {
			return true, errTooLong
		}
		if !whole {
			break
		}
		if over, err := q.take(line); over {
			return true, err
		}
		q.rest = more
	}
	if n > 0 {
		return false, nil
	}
	// It ends in the middle: what there is of a line says most about why.
	if len(q.rest) > 0 {
		if _, err := q.take(q.rest); err != nil {
			return true, err
		}
	}
	return true, ErrGone
}

// take takes one line.
func (q *question) take(line []byte) (over bool, err error) {
	var answer Answer
	if err := json.Unmarshal(line, &answer); err != nil {
		return true, fmt.Errorf("read answer of activator: %w", err)
	}
	if last, err := answer.outcome(); last {
		if err == nil && !q.told {
			err = errors.New("the activator answers nothing; is it of another version?")
		}
		return true, err
	}
	switch {
	case answer.Status != nil:
		q.status, q.told = *answer.Status, true
	case answer.Worker != nil && q.told:
		q.status.Workers = append(q.status.Workers, *answer.Worker)
	}
	return false, nil
}
