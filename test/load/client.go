package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Client is a load that hides nothing. It speaks HTTP itself: net/http sends
// a request again, silently, when a kept connection turns out to be closed,
// and wrk never counts a request that is still waiting for its answer.
type Client struct {
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	Address     string
	Profile     Profile
	Connections int           // each has one request under way
	Timeout     time.Duration // of one request; what takes longer has failed
	Pause       time.Duration // of a connection after each answer
	Traced      bool          // the result has each request
}

// Running is a load under way.
type Running struct {
	stop   func()
	result func() (Result, error)
}

// Stop lets the requests under way end and returns what was counted.
func (r *Running) Stop() (Result, error) {
	r.stop()
	return r.result()
}

// Start begins to send.
func (c Client) Start(ctx context.Context) *Running {
	stop := make(chan struct{})
	var all sync.WaitGroup
	counts := make([]counter, c.Connections)
	for i := range counts {
		all.Go(func() { c.run(ctx, stop, &counts[i]) })
	}
	return &Running{
		stop: sync.OnceFunc(func() { close(stop) }),
		result: func() (Result, error) {
			all.Wait()
			var sum Result
			for _, count := range counts {
				sum = sum.Add(count.Result)
			}
			return sum, ctx.Err()
		},
	}
}

// run sends one request after the other until stop is closed.
func (c Client) run(ctx context.Context, stop <-chan struct{}, count *counter) {
	count.Failed, count.PIDs = map[string]int{}, map[int]int{}
	var kept *connection
	defer func() { kept.close() }()
	for {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		default:
		}
		begun := time.Now()
		pid, err := c.request(ctx, &kept, c.Profile.path())
		took := time.Since(begun)
		if c.Traced {
			count.Trace = append(count.Trace, Call{begun, took, err != nil})
		}
		if err == nil {
			count.answered(pid, took)
			time.Sleep(c.Pause)
			continue
		}
		count.failed(err)
		// Where each attempt fails at once, don't spend the machine on it.
		time.Sleep(time.Millisecond)
	}
}

// request sends one request on the kept connection, or on a new one, and
// returns the worker that answered it. It leaves in kept what may be used again.
func (c Client) request(ctx context.Context, kept **connection, path string) (pid int, err error) {
	conn := *kept
	*kept = nil
	reused := conn != nil
	if conn == nil {
		dialing, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		raw, err := c.Dial(dialing, "tcp", c.Address)
		if err != nil {
			return 0, fmt.Errorf("connect: %w", err)
		}
		if c.Profile == Secure {
			raw = tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		}
		conn = &connection{Conn: raw, in: bufio.NewReader(raw)}
	}
	pid, again, err := c.exchange(conn, path)
	if err != nil {
		conn.close()
		return 0, &lossError{conn.LocalAddr(), reused, err}
	}
	if again {
		*kept = conn
	} else {
		conn.close()
	}
	return pid, nil
}

// exchange sends a request and reads the answer. The connection may be used
// again where the answer allows it.
func (c Client) exchange(conn *connection, path string) (pid int, again bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(c.Timeout)); err != nil {
		return 0, false, err
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", path, c.Address, c.Profile.header()); err != nil {
		return 0, false, err
	}
	response, err := http.ReadResponse(conn.in, nil)
	if err != nil {
		return 0, false, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, false, err
	}
	if response.StatusCode/100 != 2 {
		return 0, false, statusError(response.StatusCode)
	}
	var answer struct{ PID int }
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, false, fmt.Errorf("read answer %q: %w", body, err)
	}
	return answer.PID, !response.Close && c.Profile != PerRequest, nil
}

type connection struct {
	net.Conn
	in *bufio.Reader
}

func (c *connection) close() {
	if c != nil {
		c.Conn.Close()
	}
}

// lossError is a failure on a connection that was there.
type lossError struct {
	local  net.Addr
	reused bool
	err    error
}

func (e *lossError) Error() string {
	return fmt.Sprintf("%s (reused %t): %v", e.local, e.reused, e.err)
}

func (e *lossError) Unwrap() error { return e.err }

type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("status %d", int(e))
}

// counter is one connection's result.
type counter struct{ Result }

func (c *counter) answered(pid int, took time.Duration) {
	c.Answered++
	c.PIDs[pid]++
	c.Longest = max(c.Longest, took)
}

// examples is how many failures of one connection are kept in full.
const examples = 3

func (c *counter) failed(err error) {
	c.Failed[kind(err)]++
	port := 0
	if loss := (*lossError)(nil); errors.As(err, &loss) {
		if local, ok := loss.local.(*net.TCPAddr); ok {
			port = local.Port
		}
	}
	c.Lost = append(c.Lost, port)
	if len(c.Examples) < examples {
		c.Examples = append(c.Examples, fmt.Sprintf("[%s] %v", Now(), err))
	}
}

// Now is the time as journalctl --output=short-monotonic shows it.
func Now() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%5d.%06d", now.Sec, now.Nsec/1000)
}

// kind is the word under which a failure is counted.
func kind(err error) string {
	var status statusError
	var timeout net.Error
	switch {
	case errors.As(err, &status):
		return status.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "other"
}
