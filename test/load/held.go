package load

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A Holder opens connections and keeps them.
type Holder struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Address string
	// WebSocket has each connection become one (RFC 6455, section 4); else it
	// carries one request.
	WebSocket bool
	Timeout   time.Duration // of one connection
}

// Held are connections that are open.
type Held struct {
	PIDs  map[int]int // connections of each worker
	conns []net.Conn
}

// Open opens n connections one after the other, every so often. The caller
// closes them.
func (h Holder) Open(ctx context.Context, n int, every time.Duration) (*Held, error) {
	held := &Held{PIDs: map[int]int{}}
	for range n {
		if err := h.hold(ctx, held); err != nil {
			held.Close()
			return nil, fmt.Errorf("hold connection %d of %d: %w", len(held.conns), n, err)
		}
		select {
		case <-ctx.Done():
			held.Close()
			return nil, ctx.Err()
		case <-time.After(every):
		}
	}
	return held, nil
}

func (h Holder) hold(ctx context.Context, held *Held) error {
	dialing, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	conn, err := h.Dial(dialing, "tcp", h.Address)
	if err != nil {
		return err
	}
	held.conns = append(held.conns, conn)
	pid, err := h.ask(conn)
	held.PIDs[pid]++
	return err
}

// Close closes all of them.
func (h *Held) Close() {
	for _, conn := range h.conns {
		conn.Close()
	}
}

// ask returns the worker at the other end.
func (h Holder) ask(conn net.Conn) (pid int, err error) {
	if err := conn.SetDeadline(time.Now().Add(h.Timeout)); err != nil {
		return 0, err
	}
	request := "GET /api/v1/hello HTTP/1.1\r\nHost: " + h.Address + "\r\n\r\n"
	if h.WebSocket {
		request = "GET /api/v1/socket HTTP/1.1\r\nHost: " + h.Address + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if h.WebSocket {
		if response.StatusCode != http.StatusSwitchingProtocols {
			return 0, statusError(response.StatusCode)
		}
		return strconv.Atoi(response.Header.Get("X-Worker"))
	}
	var answer struct{ PID int }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	return answer.PID, nil
}
