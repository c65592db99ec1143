package nodeipc

import "golang.org/x/sys/unix"

// Unread tells whether the worker has yet to read something that was sent;
// false where the channel is closed. A Unix stream counts what its peer has not
// read as not sent yet (SIOCOUTQ, unix(7)).
func (c *Channel) Unread() bool {
	c.sending.Lock()
	waits := c.unsent > 0
	c.sending.Unlock()
	var left int
	var err error
	if c.raw.Control(func(fd uintptr) { left, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }) != nil || err != nil {
		return false
	}
	return waits || left > 0
}
