package ecosystem

import (
	"strconv"
	"strings"
)

// findPort looks for the port where nothing more explicit names one: port, PORT
// in the environment, then the arguments.
func (a *appReader) findPort() {
	if len(a.app.Ports) > 0 || a.given.noPort {
		return
	}
	defer a.oneOnAPort()
	if a.app.Increment != nil && a.app.Increment.Name == "PORT" {
		a.countPorts()
		return
	}
	for _, v := range a.app.Variables {
		if v.Name != "PORT" {
			continue
		}
		key := "env.PORT"
		if a.given.port == v.Value {
			key = "port"
		}
		if isPort(v.Value) || strings.HasPrefix(v.Value, "/") {
			a.app.Ports = []Port{{v.Value, key}}
			return
		}
		if a.app.Cluster {
			a.noteOn(key, Refused, "%s is not a port, so no socket unit comes of it", quoted(v.Value))
		}
	}
	for i, arg := range a.app.Args {
		for _, flag := range []string{"--port=", "-p=", "-p"} {
			if port, ok := strings.CutPrefix(arg, flag); ok && isPort(port) {
				a.app.Ports = []Port{{port, "args"}}
				return
			}
		}
		if (arg == "--port" || arg == "-p") && i+1 < len(a.app.Args) && isPort(a.app.Args[i+1]) {
			a.app.Ports = []Port{{a.app.Args[i+1], "args"}}
			return
		}
	}
}

// mostPorts is how many sockets the activator hands on to an instance.
const mostPorts = 64

// countPorts lists the ports of instances that count PORT up.
func (a *appReader) countPorts() {
	n := a.app.Instances.N
	switch {
	case a.app.Cluster:
		a.noteOn("increment_var", Differently, "each worker has a port of its own, which no socket unit can know: the app's own listen() opens it")
	case a.app.ListensItself() && !a.app.Instances.PerCPU && n <= mostPorts:
		for i := range n {
			if port := strconv.Itoa(a.app.Increment.Base + i); isPort(port) {
				a.app.Ports = append(a.app.Ports, Port{port, "increment_var"})
			}
		}
	}
}

// oneOnAPort leaves one instance of those that were to share a port and cannot.
func (a *appReader) oneOnAPort() {
	if a.given.loners && len(a.app.Ports) > 0 {
		a.app.Instances = Count{N: 1}
		a.noteOn("instances", Differently, "one, since no two can open port %s", a.app.Ports[0].Address)
	}
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
