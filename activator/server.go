package activator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

const (
	// knowTimeout is how long systemd may take to tell who a client is: seconds,
	// where it starts hundreds of units. A worker that is refused for it is started
	// again, which gives systemd more to do still.
	knowTimeout = time.Minute
	// answerTimeout is how long the loop waits for a client that does not read.
	answerTimeout = 100 * time.Millisecond
)

// client waits for an answer on the control socket.
type client struct{ conn *net.UnixConn }

// progress tells the client what goes on.
func (c *client) progress(format string, args ...any) {
	c.answer(control.Answer{Progress: fmt.Sprintf(format, args...)})
}

// finish is the last answer; it closes the connection.
func (c *client) finish(err error) {
	c.answer(control.Last(err, errors.Is(err, rollout.ErrCanceled)))
	c.conn.Close()
}

// answer drops what the client does not read: it is its own loss.
func (c *client) answer(a control.Answer) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(answerTimeout))
	_, _ = c.conn.Write(control.Line(a))
}

// answerWith is answer with descriptors, which stay the caller's. The line is
// short, and the first of the connection: it is sent whole or not at all.
func (c *client) answerWith(a control.Answer, fds []int) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(answerTimeout))
	_, _, _ = c.conn.WriteMsgUnix(control.Line(a), unix.UnixRights(fds...), nil)
}

// acceptControl serves the control socket.
func (a *Activator) acceptControl() { a.control.Serve(a.glance, a.greet) }

// glance answers a client of our own user who asks for the status, and no other. Where
// workers are waited for, another goroutine does.
func (a *Activator) glance(hello control.Hello, answer func([]byte)) bool {
	if hello.Verb != control.Look {
		return false
	}
	if seen := a.see(hello); len(seen) > 0 {
		a.show(seen, answer)
	} else {
		go a.show(seen, answer)
	}
	return true
}

// greet reads a client's request, checks that it may ask for it, and hands it
// to the loop.
func (a *Activator) greet(from *control.Client) {
	c := &client{from.Conn}
	hello, err := from.ReadHello()
	var state systemd.State
	if err == nil {
		state, err = a.authorise(hello, from.Peer, c.conn)
	}
	if err != nil {
		// Who may not look at a status has done nothing wrong: gopm ls asks all.
		harmless := hello.Verb == control.Look && errors.Is(err, control.ErrDenied)
		if a.ctx.Err() == nil && !harmless {
			a.refused.Do(func() { a.journal.warning("control socket: %v", err) })
		}
		c.finish(err)
		return
	}
	if hello.Verb == control.Look {
		a.show(a.see(hello), func(text []byte) { control.Finish(c.conn, text) })
		return
	}
	a.do(func() {
		switch hello.Verb {
		case control.Exec:
			a.attachWorker(hello.Instance, state, hello.Fork, c)
		case control.Wait:
			a.wait(hello.Instance, hello.Invocation, c)
		case control.Drain:
			a.drainWorker(hello.Instance, time.Duration(hello.TimeoutMS)*time.Millisecond, farewell{c, hello.Message})
		case control.Reload:
			a.reload(c)
		case control.Send:
			a.send(hello, c)
		}
		a.settle()
	})
	if hello.Verb == control.Wait {
		_, _ = c.conn.Read(make([]byte, 1)) // returns when either side closes
		a.do(func() { a.forgetEarly(c) })
	}
}

// authorise lets a worker's unit speak for its own instance and run, who may
// read the journal look at the status, and only root (the activator's own user)
// ask for anything else. It returns what systemd knows of a worker's unit.
func (a *Activator) authorise(hello control.Hello, peer *unix.Ucred, conn *net.UnixConn) (systemd.State, error) {
	var state systemd.State
	switch hello.Verb {
	case control.Reload, control.Send:
		if int(peer.Uid) != os.Getuid() {
			return state, fmt.Errorf("%w: %s is for uid %d only, not for uid %d", control.ErrDenied, hello.Verb, os.Getuid(), peer.Uid)
		}
		return state, nil
	case control.Look:
		return state, a.mayLook(peer, conn)
	case control.Exec, control.Wait, control.Drain:
	default:
		return state, fmt.Errorf("client asks for %q, which is unknown; is it of another version?", hello.Verb)
	}
	ctx, cancel := context.WithTimeout(a.ctx, knowTimeout)
	defer cancel()
	unit, err := a.manager.UnitOf(ctx, int(peer.Pid))
	if err != nil {
		return state, err
	}
	if hello.Instance < 0 || unit != a.settings.unit(hello.Instance) {
		return state, fmt.Errorf("process %d of %s may not speak for %s", peer.Pid, unit, a.settings.unit(hello.Instance))
	}
	if state, err = a.manager.State(ctx, unit); err != nil {
		return state, err
	}
	if err := (speaker{int(peer.Pid), unit, state}).may(hello); err != nil {
		return state, err
	}
	return state, stillThere(conn)
}
