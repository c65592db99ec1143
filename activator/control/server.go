package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// helloTimeout is how long a client may take to say what it wants.
	helloTimeout = 5 * time.Second
	// maxClients is how many clients of one user are heard at the same time. The
	// control socket of an activator is open to every user.
	maxClients = 256
)

// Serve hands each client to greet, in a goroutine of its own, until the listener
// is closed. greet takes the connection over.
func Serve(listener *net.UnixListener, greet func(*net.UnixConn, *unix.Ucred)) {
	var mu sync.Mutex
	clients := make(map[uint32]int) // by uid
	enter := func(uid uint32, n int) bool {
		mu.Lock()
		defer mu.Unlock()
		if clients[uid]+n > maxClients {
			return false
		}
		clients[uid] += n
		return true
	}
	for {
		conn, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors: better late than never.
			time.Sleep(retryPause)
			continue
		}
		peer, err := peerOf(conn)
		if err != nil || !enter(peer.Uid, 1) {
			conn.Close()
			continue
		}
		go func() {
			defer enter(peer.Uid, -1)
			greet(conn, peer)
		}()
	}
}

// peerOf is who has connected (SO_PEERCRED, unix(7)).
func peerOf(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return nil, fmt.Errorf("read credentials of client: %w", err)
	}
	return cred, nil
}

// ReadHello reads a client's line.
func ReadHello(conn *net.UnixConn, peer *unix.Ucred) (Hello, error) {
	var hello Hello
	if err := conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return hello, err
	}
	defer conn.SetReadDeadline(time.Time{})
	// Anybody may be a client.
	most := MaxLine
	if int(peer.Uid) == os.Getuid() {
		most = MaxMessage
	}
	var line []byte
	for one := make([]byte, MaxLine); len(line) == 0 || line[len(line)-1] != '\n'; {
		n, err := conn.Read(one[:min(len(one), most-len(line))])
		if err != nil || n == 0 {
			return hello, errors.New("client sent no whole line")
		}
		line = append(line, one[:n]...)
	}
	if err := json.Unmarshal(line, &hello); err != nil {
		return hello, fmt.Errorf("client's line is not a request: %w", err)
	}
	return hello, nil
}

// Last is the answer that ends a request. canceled: err is that something else was
// asked for meanwhile.
func Last(err error, canceled bool) Answer {
	answer := Answer{Done: true}
	if err != nil {
		answer.Error, answer.Canceled, answer.Denied = err.Error(), canceled, errors.Is(err, ErrDenied)
	}
	return answer
}
