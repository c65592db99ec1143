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
		// The units would both start, and the kernel would deal the connections
		// out among the workers of both.
		if first := g.listener(q.app.Place, p.Address); first != "" {
			if isGiven(p) {
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
		v.SharedPort = v.Cluster
		v.LowPort = v.Cluster && (v.LowPort || isLow(p.Address))
	}
}

// isGiven tells what somebody wants in a socket unit from what was found.
func isGiven(p ecosystem.Port) bool {
	return p.Key == "--listen" || strings.HasPrefix(p.Key, "gopm.")
}

// forkPorts returns those of an app's ports that its socket unit is to have in
// fork mode, where nothing but its own listen() knows what to make of it.
func (g *generation) forkPorts(app ecosystem.App, name string) []ecosystem.Port {
	if len(app.Ports) == 0 {
		return nil
	}
	first := app.Ports[0]
	if !app.ListensItself() {
		if isGiven(first) {
			g.note(first.Key, ecosystem.Refused, "in fork mode only for a file that node runs itself: this app opens its own port")
		}
		return nil
	}
	var addresses []string
	for _, p := range app.Ports {
		if !isGiven(p) && g.isShared(app, p) {
			return nil
		}
		addresses = append(addresses, p.Address)
	}
	list := strings.Join(addresses, ", ")
	g.holds = true
	g.note(first.Key, ecosystem.Differently, "%s.socket holds %s for the app's listen(): callers wait through a restart, where PM2 refuses them", name, list)
	if c := app.Instances; first.Key != "increment_var" && (c.PerCPU || c.N > 1) {
		g.note("instances", ecosystem.Differently, "they share %s; under PM2 the second fails with EADDRINUSE", list)
	}
	return app.Ports
}

// isShared reports whether another app of the file may listen on a port too, and
// says so. Which of them does nobody can tell: many files give all apps one set
// of variables.
func (g *generation) isShared(app ecosystem.App, p ecosystem.Port) bool {
	for _, other := range g.file.Apps {
		if other.Place == app.Place || !other.Restart || other.Refused != "" {
			continue
		}
		for _, theirs := range other.Ports {
			switch {
			case theirs.Address != p.Address && !overlap(theirs.Address, p.Address):
				continue
			case other.Cluster || isGiven(theirs):
				g.note(p.Key, ecosystem.Differently, "%s has %s already: no socket unit, and a listen() on it fails, as under PM2", other.Place, p.Address)
			default:
				g.note(p.Key, ecosystem.Differently, "%s has %s too: no socket unit, and who listens opens it, as under PM2; gopm: { listen: %[2]s } in that app makes one", other.Place, p.Address)
			}
			return true
		}
	}
	return false
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
