package activator

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/steer"
	"github.com/gopm/gopm/activator/systemd"
)

// inherit takes over what systemd passes: the sockets of the units, and what
// the activator before this one has stored.
func (a *Activator) inherit(files []*os.File, states map[int]systemd.State) error {
	all, err := takePassed(files)
	if err != nil {
		return err
	}
	stored := make(map[string]int)
	var declared []int
	for _, p := range all {
		switch {
		case p.name == "control":
			if a.control, err = control.NewServer(p.fd); err != nil {
				return err
			}
		case isStored(p.name):
			stored[p.name] = p.fd
		case p.name == "stored": // systemd's name for one without
			unix.Close(p.fd)
		default:
			declared = append(declared, p.fd)
		}
	}
	a.inheritCount(stored)
	if a.control == nil {
		return fmt.Errorf("no control socket: start gopm-activator@%s.socket, which starts this service with it", a.settings.App)
	}
	if a.settings.Fork {
		if err := a.holdSockets(declared); err != nil {
			return err
		}
		return a.inheritFork(stored, states)
	}
	for _, fd := range declared {
		adopt := func() error { return a.adoptGroup(fd, true, stored) }
		if at := pathOf(fd); at != "" {
			adopt = func() error { return a.adoptPath(fd, at) }
		} else if isUDP(fd) {
			adopt = func() error { return a.adoptDatagram(fd, true) }
		}
		if err := adopt(); err != nil {
			return err
		}
	}
	for name, fd := range stored {
		if addr, err := steer.Address(fd); err == nil && name == listenerName(addr, steer.WaitingRoom) {
			delete(stored, name)
			a.report(a.adoptGroup(fd, false, stored))
		}
	}
	a.adoptDatagrams(stored)
	a.adoptWorkers(stored, states)
	for _, g := range a.groups {
		if g.path != "" {
			continue
		}
		sockets, ok := stored[g.mapName()]
		if !ok {
			sockets = -1
		}
		delete(stored, g.mapName())
		if err := a.attach(g, sockets); err != nil {
			return err
		}
	}
	a.forgetRest(stored)
	return nil
}

// forgetRest drops what is left of a store: it belongs to a worker or a socket
// that is no more.
func (a *Activator) forgetRest(stored map[string]int) {
	for name, fd := range stored {
		unix.Close(fd)
		a.report(a.notifier.forget(name))
	}
}
