package agent_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// client is one connection to a worker. It speaks HTTP/1.1 so that a test
// sees what net/http would hide by trying again: when the connection ends, and
// whether with an end of file or with a reset.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func dialTLS(t testing.TB, address string) *client {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(2 * patience))
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// ask sends GET requests, all at once.
func (c *client) ask(paths ...string) {
	c.t.Helper()
	text := ""
	for _, path := range paths {
		text += "GET " + path + " HTTP/1.1\r\nHost: app\r\n\r\n"
	}
	c.write(text)
}

func (c *client) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// answer is what a test asserts of a response.
type answer struct {
	status int
	body   string
	close  bool // the server said that it is the last one
}

func (a answer) String() string {
	last := ""
	if a.close {
		last = ", Connection: close"
	}
	return fmt.Sprintf("%d %q%s", a.status, a.body, last)
}

// read reads one answer.
func (c *client) read() (answer, http.Header, error) {
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return answer{}, nil, fmt.Errorf("read an answer: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, nil, fmt.Errorf("read an answer's body: %w", err)
	}
	return answer{response.StatusCode, string(body), response.Close}, response.Header, nil
}

// wants reads one answer and compares it.
func (c *client) wants(want answer) http.Header {
	c.t.Helper()
	got, header, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	if got != want {
		c.t.Fatalf("got %s, want %s", got, want)
	}
	return header
}

// wantsEnd waits until the server ends the connection, and not by a reset.
func (c *client) wantsEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("read %q and error %v, want the end of the connection", rest, err)
	}
	c.conn.Close()
}

// ended tells whether the server has ended the connection, as far as is known
// here now.
func (c *client) ended() bool {
	c.conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	defer c.conn.SetDeadline(time.Now().Add(2 * patience))
	_, err := c.in.Peek(1)
	return errors.Is(err, io.EOF)
}

// wantsText reads exactly this, on a connection that isn't HTTP.
func (c *client) wantsText(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c.in, got); err != nil || string(got) != want {
		c.t.Fatalf("read %q and error %v, want %q", got, err, want)
	}
}

// askUntilClose keeps the connection busy until an answer says that it is the
// last one, and returns the number of answers. It tells (once) when there
// were some.
func (c *client) askUntilClose(some func()) (answers int, err error) {
	for {
		if _, err := io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: app\r\n\r\n"); err != nil {
			return answers, fmt.Errorf("write a request: %w", err)
		}
		got, _, err := c.read()
		if err != nil {
			return answers, err
		}
		if got.status != 200 || got.body != "hello" {
			return answers, fmt.Errorf("got %s", got)
		}
		answers++
		if answers == 20 {
			some()
		}
		if got.close {
			break
		}
	}
	if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
		return answers, fmt.Errorf("after the last answer: got error %v, want the end of the connection", err)
	}
	return answers, c.conn.Close()
}
