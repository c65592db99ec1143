package generator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// ports fills in where the app listens.
func (g *generation) ports(v *view, q quoter) {
	for _, p := range q.app.Ports {
		before := len(g.problems)
		address := q.value(p.Key, p.Address, units.Listen)
		if len(g.problems) > before {
			continue
		}
		given := p.Key == "--listen" || strings.HasPrefix(p.Key, "gopm.")
		// The units would both start, and the kernel would deal the connections
		// out among the workers of both.
		if first := g.listener(q.app.Place, p.Address); first != "" {
			if given {
				g.problem(q.app, p.Key, fmt.Sprintf("%s listens on %s too", first, p.Address), "give each app a port of its own")
			} else {
				g.note(p.Key, ecosystem.Differently, "%s has %s already: no socket unit, and a listen() on it fails. PM2 would deal its connections out to both", first, p.Address)
			}
			continue
		}
		g.listening[p.Address] = q.app.Place
		v.Ports = append(v.Ports, port{Value: address})
		if strings.HasPrefix(p.Address, "/") {
			v.SocketFile = true
			if !g.opt.User && !g.opt.Boot {
				g.note(p.Key, ecosystem.Differently, "members of the app's group may connect to %s, so the account of nginx has to be one; PM2's is for the app's own account", p.Address)
			}
			continue
		}
		v.SharedPort = true
		v.LowPort = v.LowPort || isLow(p.Address)
	}
}

// listener returns the app that listens on an address, or on all of its port.
func (g *generation) listener(place, address string) string {
	for _, other := range slices.Sorted(maps.Keys(g.listening)) {
		by := g.listening[other]
		if other == address || by != place && overlap(other, address) {
			return by
		}
	}
	return ""
}

// overlap tells whether one of two addresses is a part of the other: a port
// alone is that of all addresses.
func overlap(a, b string) bool {
	hostA, portA := splitAddress(a)
	hostB, portB := splitAddress(b)
	if portA != portB {
		return false
	}
	all := func(host, other string) bool {
		return host == "" || host == "[::]" || host == "0.0.0.0" && !strings.HasPrefix(other, "[") || host == other
	}
	return all(hostA, hostB) || all(hostB, hostA)
}

// splitAddress parts the port of an address from what is before it.
func splitAddress(address string) (host, port string) {
	at := strings.LastIndexByte(address, ':')
	return address[:max(at, 0)], address[at+1:]
}

// isLow tells whether a port needs CAP_NET_BIND_SERVICE (capabilities(7)).
func isLow(address string) bool {
	_, text := splitAddress(address)
	port, err := strconv.Atoi(text)
	return err == nil && port < 1024
}
