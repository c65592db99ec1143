package generator

import (
	"fmt"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// port is an address of a socket unit.
type port struct {
	units.Value
	Datagram bool // UDP
}

// bound is a UDP address and the app that has it.
type bound struct{ address, place string }

// report is how the report names it.
func (p port) report() string {
	if p.Datagram {
		return "udp:" + p.String()
	}
	return p.String()
}

// datagrams fills in the UDP addresses that the workers share.
func (g *generation) datagrams(v *view, q quoter) {
	for _, p := range q.app.Datagrams {
		if !v.Cluster {
			g.note(p.Key, ecosystem.Refused, "in fork mode the app binds udp:%s itself", p.Address)
			continue
		}
		before := len(g.problems)
		address := q.value(p.Key, p.Address, units.Datagram)
		if len(g.problems) > before {
			continue
		}
		if first := g.datagram(address.String()); first != "" {
			g.problem(q.app, p.Key, fmt.Sprintf("%s is bound to udp:%s too", first, address), "give each app a port of its own")
			continue
		}
		g.bound = append(g.bound, bound{address.String(), q.app.Place})
		v.Ports = append(v.Ports, port{address, true})
	}
}

// datagram returns the app that has a UDP address, or all of its port.
func (g *generation) datagram(address string) string {
	for _, other := range g.bound {
		if overlap(other.address, address) {
			return other.place
		}
	}
	return ""
}
