package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopm/gopm/test/site"
)

// echo is a client of an app that answers datagrams.
type echo struct {
	conn net.Conn
	sent int
	stop chan struct{}
	done sync.WaitGroup

	mutex    sync.Mutex
	answered map[int]bool // by number
}

// reply is what the app says to one datagram.
type reply struct {
	Text json.RawMessage
}

// often is the time from one datagram to the next: modest, so that a socket's
// buffer takes what comes while one worker of few starts.
const often = 5 * time.Millisecond

// askAlways sends a numbered datagram again and again, and none twice.
func (s scenario) askAlways(address string) *echo {
	s.t.Helper()
	conn, err := s.Dial(s.t.Context(), "udp", address)
	s.must(err)
	e := &echo{conn: conn, stop: make(chan struct{}), answered: map[int]bool{}}
	go e.read(s.t)
	e.done.Go(func() {
		ticks := time.NewTicker(often)
		defer ticks.Stop()
		for {
			select {
			case <-e.stop:
				return
			case <-ticks.C:
			}
			if _, err := fmt.Fprintf(conn, "%d", e.sent); err != nil {
				s.t.Error(err)
				return
			}
			e.sent++
		}
	})
	return e
}

func (e *echo) read(t *testing.T) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := e.conn.Read(buffer)
		if err != nil {
			return // closed
		}
		var a reply
		var text string
		var number int
		if json.Unmarshal(buffer[:n], &a) != nil || json.Unmarshal(a.Text, &text) != nil {
			t.Errorf("the answer is %q", buffer[:n])
			return
		}
		if _, err := fmt.Sscan(text, &number); err != nil {
			t.Errorf("the answer is %q", buffer[:n])
			return
		}
		e.mutex.Lock()
		e.answered[number] = true
		e.mutex.Unlock()
	}
}

func (e *echo) answers() int {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return len(e.answered)
}

// end waits for the last answers and returns how many datagrams had one.
func (e *echo) end() (sent, answered int) {
	close(e.stop)
	e.done.Wait()
	for deadline := time.Now().Add(10 * time.Second); e.answers() < e.sent && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	e.conn.Close()
	return e.sent, e.answers()
}

// askOnce sends one datagram and returns the answer.
func (s scenario) askOnce(address, text string) json.RawMessage {
	s.t.Helper()
	conn, err := s.Dial(s.t.Context(), "udp", address)
	s.must(err)
	defer conn.Close()
	_, err = fmt.Fprint(conn, text)
	s.must(err)
	s.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	s.must(err)
	var a reply
	s.must(json.Unmarshal(buffer[:n], &a))
	return a.Text
}

func TestDatagrams(t *testing.T) {
	const declared, opened = "127.0.0.1:5353", "127.0.0.1:5354"
	const two = 2
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=2", "GOPM_SETTLE_TIME=100"}})
	s.must(s.Deploy(site.Datagrams))
	s.must(s.WriteFile("/etc/systemd/system/my-api.socket.d/udp.conf", "[Socket]\nListenStream=\nListenDatagram=0.0.0.0:5353\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context())) // returns when all are ready: each has bound it
	old := s.exactly(two)

	loads := map[string]*echo{}
	for _, address := range []string{declared, opened} {
		loads[address] = s.askAlways(address)
	}
	s.must(s.Reload(t.Context()))
	reloaded := s.exactly(two)
	s.killActivator()
	if now := s.exactly(two); !maps.Equal(now, reloaded) {
		t.Errorf("workers are %v, want those from before the kill %v", now, reloaded)
	}
	s.must(s.Reload(t.Context()))
	for unit, pid := range s.exactly(two) {
		if pid == reloaded[unit] || reloaded[unit] == old[unit] {
			t.Errorf("%s was %d, then %d, then %d", unit, old[unit], reloaded[unit], pid)
		}
	}
	for address, load := range loads {
		sent, answered := load.end()
		t.Logf("%s: %d of %d datagrams answered", address, answered, sent)
		if sent == 0 || answered != sent {
			t.Errorf("%s: %d of %d datagrams answered", address, answered, sent)
		}
	}

	want := map[string]string{
		"low port":                "EACCES",
		"the port again":          "EADDRINUSE",
		"one address of the port": "EADDRNOTAVAIL",
		"by itself":               "bound",
		"another family":          "bound",
	}
	var tried map[string]string
	s.must(json.Unmarshal(s.askOnce(declared, "tried"), &tried))
	if !maps.Equal(tried, want) {
		t.Errorf("the app tried %v, want %v", tried, want)
	}
	// An answer to a worker's own socket would be lost where others read it too.
	for range 4 * two {
		if got := s.askOnce(declared, "ask"); string(got) != `"asked"` {
			t.Fatalf("a worker's own socket got %s", got)
		}
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	for _, line := range []string{
		`may not bind udp4 "0.0.0.0" port 81: a port below 1024 must be declared by the app's socket unit (ListenDatagram=)`,
		`may not bind udp4 "127.0.0.1" port 5353: its socket is bound to 0.0.0.0:5353, which is more than the app wants, or of another family; set ListenDatagram=127.0.0.1:5353 in the socket unit, or bind another address`,
	} {
		if !strings.Contains(journal, line) {
			t.Errorf("the journal of the activator lacks %q:\n%s", line, journal)
		}
	}
}
