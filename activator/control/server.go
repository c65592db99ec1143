package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxClients is how many clients of one user are heard at the same time. The
	// control socket of an activator is open to every user.
	maxClients = 256
	// maxRefused is how many more of one user may be on their way out at the same time.
	maxRefused = 256
	// mostSaid is what is read of a client's line before it is known whether it takes
	// long to answer: a question for a status is shorter.
	mostSaid = 256
)

// Listen opens a control socket for a server, here or in a process that is handed it. The
// path stays when it is closed.
func Listen(path string) (fd int, err error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return -1, err
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	file, err := listener.File()
	if err != nil {
		return -1, err
	}
	defer file.Close()
	fd, err = unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	return fd, os.NewSyscallError("fcntl", err)
}

// Server is a control socket that is listened on. A listener of package net would make
// a file of each client, which takes longer than to answer most.
type Server struct {
	file *os.File
	raw  syscall.RawConn
}

// NewServer takes a descriptor over, also where it fails. The path that it is bound to
// stays when it is closed.
func NewServer(fd int) (*Server, error) {
	at, err := unix.Getsockname(fd)
	if _, ok := at.(*unix.SockaddrUnix); err == nil && !ok {
		err = errors.New("it is not a Unix socket")
	}
	if err == nil {
		// Only what does not block can be waited for.
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("use control socket: %w", err)
	}
	// No client sends descriptors. What it had sent would be closed with it, which a TCP
	// socket of its own can make last (SO_LINGER, socket(7)). Linux before 6.16 has no
	// way to refuse them: there, each is closed by a thread that has no other work, up to
	// the limits above.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0)
	file := os.NewFile(uintptr(fd), "control")
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails where Go's poller does not take it
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("use control socket: %w", err)
	}
	return &Server{file, raw}, nil
}

// Close ends Serve.
func (s *Server) Close() error { return s.file.Close() }

// Serve hands each client to greet, in a goroutine of its own, until the server
// is closed.
//
// Most ask what can be answered at once, and that is most of the work which hundreds of
// activators have. So a client of our own user who has said its line is first offered
// to quick, which must not wait for anybody outside. Where quick returns true it calls
// answer, then or later, once, with all that the client is to be told. It may be nil.
func (s *Server) Serve(quick func(hello Hello, answer func([]byte)) bool, greet func(*Client)) {
	var mu sync.Mutex
	clients := make(map[uint32]int) // by uid
	count := func(uid uint32, n int) int {
		mu.Lock()
		defer mu.Unlock()
		clients[uid] += n
		return clients[uid]
	}
	own := uint32(os.Getuid())
	buffer := make([]byte, mostSaid)
	for {
		client, err := s.accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors: better late than never.
			time.Sleep(retryPause)
			continue
		}
		peer, err := client.peer()
		if err != nil {
			unix.Close(int(client))
			continue
		}
		leave := func() { count(peer.Uid, -1) }
		refuse := func() {
			defer leave()
			unix.Close(int(client))
		}
		switch n := count(peer.Uid, 1); {
		case n > maxClients+maxRefused:
			refuse()
			continue
		case n > maxClients:
			go refuse()
			continue
		}
		var said []byte
		if quick != nil && peer.Uid == own {
			said = buffer[:client.receive(buffer)]
			answer := func(text []byte) { client.finish(text, leave) }
			if hello, ok := whole(said); ok && quick(hello, answer) {
				continue
			}
		}
		conn, err := client.conn()
		if err != nil {
			leave()
			time.Sleep(retryPause)
			continue
		}
		c := &Client{conn, peer, bytes.Clone(said)}
		go func() {
			defer leave()
			greet(c)
		}()
	}
}

// accept waits for the next client; net.ErrClosed where there will be none.
func (s *Server) accept() (bare, error) {
	for {
		var client bare
		var errno unix.Errno
		err := s.raw.Read(func(fd uintptr) bool {
			client, errno = accept(fd)
			return errno != unix.EAGAIN
		})
		switch {
		case err != nil:
			return -1, net.ErrClosed
		case errno == 0:
			return client, nil
		case errno != unix.EINTR && errno != unix.ECONNABORTED:
			return -1, os.NewSyscallError("accept4", errno)
		}
	}
}

// whole is the request that a client has said, if that is all it has said.
func whole(said []byte) (hello Hello, ok bool) {
	if len(said) == 0 || len(said) == mostSaid || said[len(said)-1] != '\n' {
		return hello, false
	}
	return hello, json.Unmarshal(said, &hello) == nil
}

// finish sends a client all that it is told, and closes. It does not wait for the
// client: what there is no room for is sent as it reads.
func (b bare) finish(text []byte, leave func()) {
	rest := text[b.send(text):]
	if len(rest) == 0 {
		b.close()
		leave()
		return
	}
	go func() {
		defer leave()
		if conn, err := b.conn(); err == nil {
			Finish(conn, rest)
		}
	}()
}
