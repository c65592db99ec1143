package activator

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
	"github.com/gopm/gopm/activator/steer"
)

// In fork mode the listeners of the app's socket units are held here and lent to
// every instance as they are: one queue for all of them. Its callers wait while
// nobody accepts. systemd has them too, so there is nothing to store.

// held is such a listener.
type held struct {
	name string // an address with a port, or a path
	fd   int
}

// holdSockets takes over what the app's socket units declare.
func (a *Activator) holdSockets(declared []int) error {
	for _, fd := range declared {
		name := pathOf(fd)
		if name == "" {
			addr, err := steer.Address(fd)
			if err != nil {
				a.journal.warning("%s.socket has a socket that no instance gets: %v", a.settings.App, err)
				unix.Close(fd)
				continue
			}
			name = addr.String()
		}
		// An inherited systemd socket blocks; a blocking accept would freeze the
		// event loop of the app.
		if err := unix.SetNonblock(fd, true); err != nil {
			return fmt.Errorf("hold %s: %w", name, err)
		}
		a.held = append(a.held, held{name, fd})
	}
	if len(a.held) > control.MaxListeners {
		return fmt.Errorf("the socket units of %s have %d sockets; in fork mode there may be %d", a.settings.App, len(a.held), control.MaxListeners)
	}
	return nil
}

// overlaps tells whether a roll has a new instance run beside an old one: in
// fork mode only where the settings ask for it, and the instances need not open
// the app's port themselves.
func (a *Activator) overlaps() bool {
	return !a.settings.Fork || a.settings.Surge > 0 && len(a.held) > 0
}

// answerAttached gives a new instance its end of its channel, and lends it the
// listeners.
func (a *Activator) answerAttached(c *client, channel *os.File) {
	answer, fds := control.Answer{Done: true}, []int{int(channel.Fd())}
	for _, h := range a.held {
		answer.Listeners, fds = append(answer.Listeners, h.name), append(fds, h.fd)
	}
	c.answerWith(answer, fds)
	c.conn.Close()
}

// handleHeld acts on what the agent says of a listener.
func (a *Activator) handleHeld(w *worker, m nodeipc.Message) error {
	switch m.Act {
	case nodeipc.ActListening:
		if !w.listening {
			w.listening = true
			a.report(a.notifier.mark(w.listeningMark()))
		}
	case nodeipc.ActListener:
		for _, h := range a.held {
			if h.name == m.Key {
				return w.channel.SendHandle(nodeipc.NewSpare(h.name), h.fd)
			}
		}
		// Its socket unit has changed since it was started.
	}
	return nil
}

// lengthenQueues gives the listeners a long backlog again: an app asks for less,
// 511 as a rule, and who comes while nobody accepts has to fit in.
func (a *Activator) lengthenQueues() {
	for _, h := range a.held {
		if err := unix.Listen(h.fd, steer.Backlog); err != nil {
			a.report(fmt.Errorf("lengthen queue of %s: %w", h.name, err))
		}
	}
}
