package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// helloTimeout is how long a client may take to say what it wants.
	helloTimeout = 5 * time.Second
	// readTimeout is how long a client may take to read a long answer.
	readTimeout = 10 * time.Second
)

// Client is one that has connected. Who is given it closes Conn.
type Client struct {
	Conn *net.UnixConn
	Peer *unix.Ucred
	said []byte // what is read of its line
}

// ReadHello reads the client's line.
func (c *Client) ReadHello() (Hello, error) {
	var hello Hello
	if err := c.Conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return hello, err
	}
	defer c.Conn.SetReadDeadline(time.Time{})
	// Anybody may be a client.
	most := MaxLine
	if int(c.Peer.Uid) == os.Getuid() {
		most = MaxMessage
	}
	line := c.said
	for one := make([]byte, MaxLine); len(line) == 0 || line[len(line)-1] != '\n'; {
		n, err := c.Conn.Read(one[:min(len(one), most-len(line))])
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

// Finish sends a client all that it is told, and closes. It waits for the client to read
// it; what that does not read in time is its own loss.
func Finish(conn *net.UnixConn, text []byte) {
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(readTimeout))
	_, _ = conn.Write(text)
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
