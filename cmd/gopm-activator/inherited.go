package main

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// copies is how many descriptors of each listener an app inherits. libuv closes
// one with each server.close(), and Node has no dup(2). The agent asks the
// activator for more, but an app that looks whether its port is free, closes it
// and listens again does so before the answer comes.
const copies = 4

// inherited are the descriptors that the app's command gets, by their numbers.
type inherited struct {
	channel   int
	listeners map[string][]int // by name, see control.Socket
}

// inherit makes descriptors that stay open across execve(2).
//
// They leave no gap among those above 15: Node hides from its own children what
// it inherits, and stops at the first gap there (uv_disable_stdio_inheritance in
// libuv's src/unix/core.c).
func inherit(a control.Attached) (inherited, error) {
	out := inherited{listeners: make(map[string][]int)}
	for _, l := range a.Listeners {
		if _, err := unix.FcntlInt(uintptr(l.FD), unix.F_SETFD, 0); err != nil {
			return out, fmt.Errorf("keep listener %s: %w", l.Name, err)
		}
		out.listeners[l.Name] = []int{l.FD}
	}
	var err error
	if out.channel, err = unix.Dup(int(a.Channel.Fd())); err != nil {
		return out, fmt.Errorf("keep channel: %w", err)
	}
	a.Channel.Close()
	for _, l := range a.Listeners {
		for len(out.listeners[l.Name]) < copies {
			fd, err := unix.Dup(l.FD)
			if err != nil {
				return out, fmt.Errorf("keep listener %s: %w", l.Name, err)
			}
			out.listeners[l.Name] = append(out.listeners[l.Name], fd)
		}
	}
	return out, nil
}

// text is what the agent reads (activator/agent/listen.cjs).
func (i inherited) text() string {
	text, err := json.Marshal(i.listeners)
	if err != nil {
		panic(fmt.Sprintf("inherited: %v", err)) // names and numbers always marshal
	}
	return string(text)
}
