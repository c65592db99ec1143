package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// usesGRPC calls hello.Greeter/Hello on a connection that is used by several at
// once, and on another one when the server has said that it leaves. No call is
// made again.
func usesGRPC(ctx context.Context, s scenario, a realApp) (use, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.Dial(ctx, network, address)
		},
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	g := &grpcClient{dial: func() (*http.ClientConn, error) {
		return transport.NewClientConn(context.WithoutCancel(ctx), "http", a.address())
	}}
	var answered atomic.Int64
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			for ctx.Err() == nil {
				if err := g.call("http://" + a.address() + "/hello.Greeter/Hello"); err != nil {
					errs <- err
					return
				}
				answered.Add(1)
				time.Sleep(pause)
			}
			errs <- nil
		}()
	}
	var failed error
	for range cap(errs) {
		if err := <-errs; err != nil {
			failed = fmt.Errorf("after %d calls: %w", answered.Load(), err)
		}
	}
	return use{answered: int(answered.Load()), connections: g.connections}, failed
}

type grpcClient struct {
	dial        func() (*http.ClientConn, error)
	mutex       sync.Mutex
	conn        *http.ClientConn
	connections int
}

// connection returns the one in use, or a new one where that is old.
func (g *grpcClient) connection(old *http.ClientConn) (*http.ClientConn, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.conn != old {
		return g.conn, nil
	}
	var err error
	g.conn, err = g.dial()
	g.connections++
	return g.conn, err
}

// notSent is what net/http says of a request that it did not send, as the
// server has said that it leaves.
const notSent = "http2: client conn not usable"

func (g *grpcClient) call(url string) error {
	conn, err := g.connection(nil)
	for err == nil {
		var response *http.Response
		// No byte of a message but its length, 0: an empty request.
		request, invalid := http.NewRequest(http.MethodPost, url, io.NopCloser(bytes.NewReader(make([]byte, 5))))
		if invalid != nil {
			return invalid
		}
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("TE", "trailers")
		response, err = conn.RoundTrip(request)
		if err != nil && err.Error() == notSent {
			conn, err = g.connection(conn)
			continue
		}
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		if status := response.Trailer.Get("Grpc-Status"); status != "0" || len(body) < 8 {
			return fmt.Errorf("status %q, message %q, reply %q", status, response.Trailer.Get("Grpc-Message"), body)
		}
		return nil
	}
	return err
}
