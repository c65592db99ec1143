package site

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Ask sends one request on a connection of its own, and returns the worker
// that answered it and the connection, which the caller closes.
func (s *Site) Ask(ctx context.Context, path string) (pid int, conn net.Conn, err error) {
	conn, err = s.Dial(ctx, "tcp", Address)
	if err != nil {
		return 0, nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	if pid, err = s.AskOn(ctx, conn, path); err != nil {
		conn.Close()
		return 0, nil, err
	}
	return pid, conn, nil
}

// AskOn sends one request on a connection that is kept, and returns the worker
// that answered it.
func (s *Site) AskOn(ctx context.Context, conn net.Conn, path string) (pid int, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, Address); err != nil {
		return 0, fmt.Errorf("ask for %s: %w", path, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, fmt.Errorf("ask for %s: %w", path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("ask for %s: %w", path, err)
	}
	var answer struct{ PID int }
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("ask for %s: status %d: %q: %w", path, response.StatusCode, body, err)
	}
	return answer.PID, nil
}
