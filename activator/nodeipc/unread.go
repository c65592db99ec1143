package nodeipc

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// Unread tells whether the worker has yet to read something that was sent.
// net.ErrClosed where either end is closed: then nobody can tell. A Unix stream
// counts what its peer has not read as not sent yet (SIOCOUTQ, unix(7)), until the
// peer closes.
func (c *Channel) Unread() (bool, error) {
	c.sending.Lock()
	waits := c.unsent > 0
	c.sending.Unlock()
	var left int
	var err error
	if closed := c.raw.Control(func(fd uintptr) {
		if left, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil && HungUp(int(fd)) {
			err = net.ErrClosed
		}
	}); closed != nil {
		err = errors.Join(net.ErrClosed, closed)
	}
	return waits || left > 0, err
}
