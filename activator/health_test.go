package activator

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestProbe(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := fmt.Sprint(r.Method, " ", r.Host, " ", r.Close); got != "GET localhost true" {
			t.Errorf("the app is asked by %s", got)
		}
		switch r.URL.Path {
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		case "/moved":
			w.WriteHeader(http.StatusFound)
		case "/sick":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			<-r.Context().Done()
		case "/long":
			_, _ = io.CopyN(w, endless{}, 3*mostAnswer)
		}
	}))
	t.Cleanup(app.Close)
	mail, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	go func() {
		for {
			conn, err := mail.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
			conn.Close()
		}
	}()

	const soon = 200 * time.Millisecond
	tests := map[string]struct {
		path     string
		at       net.Addr
		accepted any // true, false or nothing
		err      string
	}{
		"well":                     {path: "/", accepted: true},
		"well after a hint":        {path: "/early", accepted: true},
		"well elsewhere":           {path: "/moved", accepted: true},
		"well with much to say":    {path: "/long", accepted: true},
		"sick":                     {path: "/sick", accepted: true, err: "status 503"},
		"slow":                     {path: "/slow", accepted: true, err: "no answer within 200ms"},
		"hangs":                    {path: "/", err: "not accepted within 200ms"},
		"full":                     {path: "/", accepted: false, err: "refused"},
		"not HTTP":                 {path: "/", at: mail.Addr(), accepted: true, err: `no answer in HTTP: it begins with "220 mail.example ESMTP"`},
		"a connection":             {accepted: true},
		"a connection, refused":    {accepted: false, err: "refused"},
		"a connection that stalls": {err: "not accepted within 200ms"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.at == nil {
				test.at = app.Listener.Addr()
			}
			conn, err := net.Dial("tcp", test.at.String())
			if err != nil {
				t.Fatal(err)
			}
			p := &probe{conn: conn, accepted: make(chan bool, 1)}
			if accepted, ok := test.accepted.(bool); ok {
				p.accepted <- accepted
			}
			err = p.ask(HealthCheck{Path: test.path, Timeout: soon})
			if got := fmt.Sprint(err); got != test.err && (err != nil || test.err != "") {
				t.Errorf("says %q, want %q", got, test.err)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
