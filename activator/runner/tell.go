package runner

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// errGone tells that a client is no longer there, or does not read at the end.
var errGone = errors.New("client has gone")

// tell writes the lines that a client asks for. It returns when it has, and with
// Follow when the run ends.
func (r *Runner) tell(conn *net.UnixConn, hello control.Hello) error {
	app, err := r.appOf(hello.Unit)
	if err != nil {
		return err
	}
	reader, err := r.tails.reader(app, hello.Kept)
	if err != nil {
		return err
	}
	defer reader.close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, conn) // a client has no more to say
	}()
	go func() { // who does not read may take his time, but not the run's
		select {
		case <-r.tails.ended:
			_ = conn.SetWriteDeadline(time.Now().Add(lastTold))
		case <-gone:
		}
	}()
	now := false
	for {
		over := isClosed(r.tails.ended) // asked first: the last lines are those of before
		lines, some := reader.take()
		var text []byte
		for _, line := range lines {
			if !now && line.number > reader.now {
				text = append(text, control.Line(control.Answer{Now: true})...)
				if now = true; !hello.Follow {
					break
				}
			}
			text = append(text, control.Line(control.Answer{Said: said(line)})...)
		}
		if !now && len(lines) == 0 {
			text = append(text, control.Line(control.Answer{Now: true})...)
			now = true
		}
		if len(text) > 0 {
			if _, err := conn.Write(text); err != nil {
				return errGone
			}
		}
		switch {
		case now && !hello.Follow, len(lines) == 0 && over:
			return nil
		case len(lines) > 0:
			continue
		}
		select {
		case <-some:
		case <-gone:
			return errGone
		}
	}
}

// appOf is the name of the app with a target; empty where that is.
func (r *Runner) appOf(target string) (string, error) {
	if target == "" {
		return "", nil
	}
	for _, a := range r.apps {
		if a.target() == target {
			return a.name, nil
		}
	}
	return "", fmt.Errorf("there is no unit %s", target)
}

func said(line taken) *control.Said {
	return &control.Said{
		At: line.At, App: line.App, Instance: line.Instance, Kind: string(line.Kind),
		Text: line.Text, Missed: line.missed,
	}
}
