package nodeipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

const (
	// peekSize is what one look at a channel sees, and longPeek what it sees once
	// there was more. A cluster message has a few hundred bytes; only an app's own
	// message can be longer.
	peekSize = 2 << 10
	longPeek = 32 << 10
	// maxLine bounds what a worker can make us hold. A longer line is dropped:
	// only an app's own message has such a size.
	maxLine = 1 << 20
	// maxUnsent bounds what waits for a worker that does not read.
	maxUnsent = 1024
	// sendPause is before a message is sent again that the kernel had no room for.
	sendPause = 10 * time.Millisecond

	// A worker is read at 5 MiB a second at most, and a line counts as lineCost
	// more than it has: as 10,000 short lines. One per connection is all that a
	// worker has to say; readBurst is for the many at its start.
	lineCost  = 512
	readRate  = 5 << 20
	readBurst = 8 << 20
)

// ErrUnread tells that the worker has not read for 1024 messages.
var ErrUnread = errors.New("worker does not read its channel")

// Channel is the primary's end of one worker's channel.
//
// Send and SendHandle never block: what the socket does not take at once is left
// to a goroutine of the channel's own, so that a stopped worker stalls nobody
// else.
type Channel struct {
	conn *net.UnixConn
	raw  syscall.RawConn

	sending sync.Mutex
	unsent  int           // lines in out, and the one that is being written
	out     []outgoing    // most of the time there is none: it costs nothing then
	more    chan struct{} // there are lines in out
	done    chan struct{} // closed by Close
	end     sync.Once
	sent    sync.WaitGroup

	// OnSlow is called once, by Serve, when the worker first says more than is
	// read of it.
	OnSlow func()
	pace   *rate.Limiter

	peeked   []byte
	long     []byte // the beginning of a line longer than peeked
	dropping bool   // a line longer than maxLine, until it ends
}

type outgoing struct {
	line []byte
	fd   int // -1: none. Stays the sender's to close.
}

func (o outgoing) rights() []byte {
	if o.fd < 0 {
		return nil
	}
	return unix.UnixRights(o.fd)
}

// New takes over conn and starts writing. Close ends it.
func New(conn *net.UnixConn) (*Channel, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	c := &Channel{
		conn: conn, raw: raw,
		more: make(chan struct{}, 1), done: make(chan struct{}),
		OnSlow: func() {}, pace: rate.NewLimiter(readRate, readBurst),
	}
	c.sent.Go(c.write)
	return c, nil
}

// Close ends the channel, which ends its worker too unless another process
// holds a copy. When it returns no descriptor given to SendHandle is in use.
func (c *Channel) Close() {
	c.end.Do(func() {
		close(c.done)
		c.conn.Close()
	})
	c.sent.Wait()
}

// Conn is the channel's socket, for who must store or examine it.
func (c *Channel) Conn() *net.UnixConn { return c.conn }

// Ended tells whether the worker's end is closed.
func (c *Channel) Ended() bool {
	ended := true
	_ = c.raw.Control(func(fd uintptr) { ended = HungUp(int(fd)) }) // an error: ours is
	return ended
}

// Send queues a message.
func (c *Channel) Send(m any) error { return c.queue(m, -1) }

// SendHandle queues a message with a copy of fd, which the caller keeps open
// until the worker has answered or Close has returned.
func (c *Channel) SendHandle(m any, fd int) error { return c.queue(wrap(m), fd) }

// SendDatagram is SendHandle for a UDP socket.
func (c *Channel) SendDatagram(m any, fd int) error { return c.queue(wrapDatagram(m), fd) }

func (c *Channel) queue(m any, fd int) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	o := outgoing{append(line, '\n'), fd}
	if c.unsent == 0 {
		if o = c.writeNow(o); len(o.line) == 0 {
			return nil
		}
	}
	select {
	case <-c.done:
		return fmt.Errorf("send: %w", net.ErrClosed)
	default:
	}
	if len(c.out) == maxUnsent {
		return fmt.Errorf("send: %w", ErrUnread)
	}
	c.out = append(c.out, o)
	c.unsent++
	select {
	case c.more <- struct{}{}:
	default: // it is known
	}
	return nil
}

// next is the first line that waits; it returns false where there is none.
func (c *Channel) next() (o outgoing, ok bool) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if len(c.out) == 0 {
		c.out = nil // and with it what it grew to
		return o, false
	}
	o, c.out = c.out[0], c.out[1:]
	return o, true
}

// writeNow writes what the socket takes at once, and returns the rest. A
// connection that was just accepted is with its worker then, and survives a kill
// of this process.
func (c *Channel) writeNow(o outgoing) (rest outgoing) {
	var n int
	var err error
	closed := c.raw.Write(func(fd uintptr) bool {
		n, err = unix.SendmsgN(int(fd), o.line, o.rights(), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return true
	})
	switch {
	case closed != nil || err != nil:
		return o // who writes it sees why
	case n < len(o.line):
		return outgoing{o.line[n:], -1}
	}
	return outgoing{}
}

func (c *Channel) write() {
	for {
		select {
		case <-c.done:
			return
		case <-c.more:
		}
		for o, ok := c.next(); ok; o, ok = c.next() {
			err := c.writeOne(o)
			for noRoom(err) && c.rest(sendPause) {
				err = c.writeOne(o)
			}
			// Any other error is the worker's end closing: Serve sees it too.
			if err != nil {
				return
			}
			c.sending.Lock()
			c.unsent--
			c.sending.Unlock()
		}
	}
}

// noRoom tells an error that passes: the kernel is short of memory, or of room
// for descriptors under way, which are counted for a user and not for a channel
// (ETOOMANYREFS, unix(7)).
func noRoom(err error) bool {
	return errors.Is(err, unix.ETOOMANYREFS) || errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.ENOBUFS)
}

// rest waits; it returns false when the channel is closed meanwhile.
func (c *Channel) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.done:
		return false
	case <-timer.C:
		return true
	}
}

// Count has the line that is being handled count as n more. What a worker says
// beyond its pace is left in the socket, where it waits with it.
func (c *Channel) Count(n int) { c.spend(n * lineCost) }

// spend waits until n more bytes may be read. readBurst is far more than n.
func (c *Channel) spend(n int) {
	wait := c.pace.ReserveN(time.Now(), n).Delay()
	if wait <= 0 {
		return
	}
	c.OnSlow()
	c.OnSlow = func() {}
	c.rest(wait)
}

// writeOne sends a line whole. Lines are far below what one sendmsg(2) on a
// Unix stream takes at once, so a kill between two writes cannot cut one.
func (c *Channel) writeOne(o outgoing) error {
	n, _, err := c.conn.WriteMsgUnix(o.line, o.rights(), nil)
	if err == nil && n < len(o.line) {
		_, err = c.conn.Write(o.line[n:])
	}
	return err
}

// Serve calls handle for each line that the worker sends until the channel
// ends (io.EOF) or handle fails. A line of over 1 MiB is dropped, and one that
// comes too soon waits.
//
// A line is taken from the socket only after handle has returned. So a line
// that was being handled when the process was killed is still there for the
// successor that finds the socket in its descriptor store.
func (c *Channel) Serve(handle func(line []byte) error) error {
	c.peeked = make([]byte, 0, peekSize)
	for {
		whole, err := c.peek()
		if err != nil {
			return err
		}
		i := bytes.IndexByte(c.peeked, '\n')
		if i < 0 {
			if whole {
				continue // the rest of the line has yet to come
			}
			if len(c.peeked) == peekSize && cap(c.peeked) == peekSize {
				c.peeked = make([]byte, 0, longPeek)
				continue
			}
			if err := c.takeLong(len(c.peeked)); err != nil {
				return err
			}
			continue
		}
		c.spend(i + lineCost)
		if !c.dropping {
			if err := handle(append(c.long, c.peeked[:i]...)); err != nil {
				return err
			}
		}
		c.long, c.dropping = nil, false
		if err := c.consume(i + 1); err != nil {
			return err
		}
	}
}

// takeLong moves n bytes of an unfinished line out of the socket, which could
// not hold all of it. Only an app's own message is that long.
func (c *Channel) takeLong(n int) error {
	if len(c.long)+n > maxLine {
		c.long, c.dropping = nil, true
	}
	if !c.dropping {
		c.long = append(c.long, c.peeked[:n]...)
	}
	c.spend(n)
	return c.consume(n)
}

// peek looks at the socket until there is more than the last look saw; io.EOF
// when the worker's end is closed. whole tells that the look saw all there is:
// it does not where the buffer is full, nor past a descriptor, since
// recvmsg(2) ends there.
func (c *Channel) peek() (whole bool, err error) {
	seen := len(c.peeked)
	var result error
	err = c.raw.Read(func(fd uintptr) bool {
		n, _, err := unix.Recvfrom(int(fd), c.peeked[:cap(c.peeked)], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN, err == unix.EINTR:
			return false
		case err == unix.ECONNRESET: // killed before it had read everything
			result = io.EOF
			return true
		case err != nil:
			result = fmt.Errorf("read channel: %w", err)
			return true
		case n == 0:
			result = io.EOF
			return true
		}
		waiting, err := unix.IoctlGetInt(int(fd), unix.SIOCINQ)
		whole = err == nil && waiting <= n && n < cap(c.peeked)
		c.peeked = c.peeked[:n]
		if n > seen || !whole {
			return true
		}
		if HungUp(int(fd)) { // in the middle of a line
			result = io.EOF
			return true
		}
		return false
	})
	if err != nil {
		return false, fmt.Errorf("read channel: %w", err)
	}
	return whole, result
}

// HungUp tells whether the other end of a Unix stream is closed.
func HungUp(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// consume drops n peeked bytes from the socket. Descriptors that ride on them
// are closed by the kernel, since no room is given for them.
func (c *Channel) consume(n int) error {
	for n > 0 {
		var took int
		var result error
		err := c.raw.Read(func(fd uintptr) bool {
			took, _, result = unix.Recvfrom(int(fd), c.peeked[:n], unix.MSG_DONTWAIT)
			return result != unix.EAGAIN
		})
		if err = errors.Join(err, result); err != nil {
			return fmt.Errorf("read channel: %w", err)
		}
		if took == 0 {
			return io.EOF
		}
		n -= took
	}
	c.peeked = c.peeked[:0]
	return nil
}
