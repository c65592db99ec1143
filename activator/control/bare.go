package control

import (
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bare is a client as the kernel knows it: Go has nothing to do with it yet.
//
// Its calls never wait, so they are raw. At any other, Go's runtime allows for a thread
// that blocks and, in a process that has rested, wakes another to watch for that: both
// take longer than the calls.
//
// Only clients of our own user are received from and closed so. Another's may have sent
// a descriptor: that is closed with the rest, which takes as long as its sender likes
// (SO_LINGER, socket(7)), and nothing of Go would run on meanwhile.
type bare int

// accept takes the next client of a listener that does not block; EAGAIN where there is
// none.
func accept(listener uintptr) (bare, unix.Errno) {
	fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, listener, 0, 0, unix.SOCK_CLOEXEC, 0, 0)
	return bare(fd), errno
}

// peer is who has connected (SO_PEERCRED, unix(7)).
func (b bare) peer() (*unix.Ucred, error) {
	cred := new(unix.Ucred)
	size := uint32(unix.SizeofUcred)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(b), unix.SOL_SOCKET, unix.SO_PEERCRED,
		uintptr(unsafe.Pointer(cred)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("getsockopt", errno)
	}
	return cred, nil
}

// receive takes what the client has said already, and returns how much that is.
func (b bare) receive(into []byte) int {
	return b.move(unix.SYS_RECVFROM, into, 0)
}

// send returns how much there was room for.
func (b bare) send(text []byte) int {
	return b.move(unix.SYS_SENDTO, text, unix.MSG_NOSIGNAL)
}

// move is 0 also where it fails: who goes on without raw calls hears why.
func (b bare) move(call uintptr, text []byte, flags uintptr) int {
	if len(text) == 0 {
		return 0
	}
	n, _, errno := unix.RawSyscall6(call, uintptr(b), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), flags|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (b bare) close() {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(b), 0, 0)
}

// conn is the client as Go knows it. It takes b over, also where it fails.
func (b bare) conn() (*net.UnixConn, error) {
	file := os.NewFile(uintptr(b), "client") // it blocks: so Go's poller has only the copy
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
