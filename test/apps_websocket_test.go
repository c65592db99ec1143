package test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// usesWebSocket reads the numbers that the app counts, on one connection after
// the other: none may be missing before the app says that it goes away.
func usesWebSocket(ctx context.Context, s scenario, a realApp) (use, error) {
	return converse(ctx, s, a, func(w *webSocket) (numbers int, err error) {
		for {
			text, err := w.read()
			var closed closedWith
			if errors.As(err, &closed) && closed == goingAway {
				return numbers, nil
			}
			if err != nil {
				return numbers, err
			}
			if numbers++; text != strconv.Itoa(numbers) {
				return numbers, fmt.Errorf("got %q, want %d", text, numbers)
			}
		}
	}, "/")
}

// usesSocketIO does so by the protocol of Socket.IO, whose app ends without a
// word.
func usesSocketIO(ctx context.Context, s scenario, a realApp) (use, error) {
	return converse(ctx, s, a, func(w *webSocket) (numbers int, err error) {
		for {
			text, err := w.read()
			switch {
			case errors.Is(err, io.EOF):
				return numbers, nil
			case err != nil:
				return numbers, err
			case strings.HasPrefix(text, "0{"):
				err = w.write("40") // to the namespace /
			case strings.HasPrefix(text, "40"):
			case text == "2":
				err = w.write("3")
			default:
				if numbers++; text != fmt.Sprintf(`42["n",%d]`, numbers) {
					return numbers, fmt.Errorf("got %q, want the number %d", text, numbers)
				}
			}
			if err != nil {
				return numbers, err
			}
		}
	}, "/socket.io/?EIO=4&transport=websocket")
}

// converse connects some clients, and each again when its connection has ended
// as it should, until ctx ends. Each must be served whenever it connects.
func converse(ctx context.Context, s scenario, a realApp, listen func(*webSocket) (int, error), path string) (use, error) {
	const clients = 4
	uses := make(chan use, clients)
	errs := make(chan error, clients)
	for range clients {
		go func() {
			var u use
			for ctx.Err() == nil {
				w, err := dialWebSocket(ctx, s, a.address(), path)
				if err != nil {
					errs <- err
					return
				}
				u.connections++
				hangUp := context.AfterFunc(ctx, func() { w.Close() })
				numbers, err := listen(w)
				u.answered += numbers
				w.Close()
				if hangUp(); ctx.Err() != nil {
					break
				}
				if err != nil || numbers == 0 {
					errs <- fmt.Errorf("connection %d, after %d numbers: %w", u.connections, numbers, err)
					return
				}
			}
			uses <- u
		}()
	}
	var sum use
	for range clients {
		select {
		case err := <-errs:
			return sum, err
		case u := <-uses:
			sum.answered += u.answered
			sum.connections += u.connections
		}
	}
	if sum.connections < 2*clients {
		return sum, fmt.Errorf("%d clients had %d connections, want at least one more each: its worker was replaced", clients, sum.connections)
	}
	return sum, nil
}

// A webSocket is a client of RFC 6455 for short texts.
type webSocket struct {
	net.Conn
	in *bufio.Reader
}

func dialWebSocket(ctx context.Context, s scenario, address, path string) (*webSocket, error) {
	conn, err := s.Dial(context.WithoutCancel(ctx), "tcp", address)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	w := &webSocket{conn, bufio.NewReader(conn)}
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, key)
	if err == nil {
		var response *http.Response
		if response, err = http.ReadResponse(w.in, nil); err == nil && response.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("got status %s", response.Status)
		}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open a WebSocket: %w", err)
	}
	return w, nil
}

// The first byte of a frame, which is the last of its message.
const (
	textFrame  = 0x81
	closeFrame = 0x88
)

// closedWith is the code with which the app closed the WebSocket.
type closedWith int

func (c closedWith) Error() string { return fmt.Sprintf("closed with code %d", int(c)) }

const goingAway closedWith = 1001

// read returns a text, and io.EOF where the connection ended between two frames.
func (w *webSocket) read() (string, error) {
	kind, err := w.in.ReadByte()
	if err != nil {
		return "", err
	}
	length, err := w.in.ReadByte()
	if err != nil {
		return "", noEOF(err)
	}
	size := int(length)
	if size == 126 {
		var long [2]byte
		if _, err := io.ReadFull(w.in, long[:]); err != nil {
			return "", noEOF(err)
		}
		size = int(binary.BigEndian.Uint16(long[:]))
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(w.in, payload); err != nil {
		return "", noEOF(err)
	}
	switch {
	case kind == textFrame:
		return string(payload), nil
	case kind == closeFrame && size >= 2:
		return "", closedWith(binary.BigEndian.Uint16(payload))
	}
	return "", fmt.Errorf("got frame %#x with %q", kind, payload)
}

// noEOF makes the end of a connection inside a frame an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// write sends a text, with a mask that changes nothing.
func (w *webSocket) write(text string) error {
	_, err := w.Write(append([]byte{textFrame, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
	return err
}
