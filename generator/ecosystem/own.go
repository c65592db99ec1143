package ecosystem

import "strings"

// own reads the keys inside `gopm: {…}`.
func (a *appReader) own(v value) {
	key := a.key
	a.table(OwnAttributes(), v, key+".")
	a.key = key
}

func (a *appReader) listen(v value) {
	if v.kind == Boolean {
		a.given.noPort = !v.truthy
		if v.truthy {
			a.problem(v.show()+" is not an address", `write a port, or an address such as "127.0.0.1:3000"; false is for none`)
		}
		return
	}
	for i, e := range v.elements() {
		switch e.kind {
		case Number, String:
			a.app.AddPort(Port{e.text, a.key})
		default:
			a.problemIn(i, e.show()+" is not an address", `write a port, or an address such as "127.0.0.1:3000" or "udp:5353"`)
		}
	}
}

func (a *appReader) drainTimeout(v value) { a.app.DrainTimeout = v.duration() }

func (a *appReader) lazy(v value) { a.app.Lazy = v.truthy }

// cpuList is what CPUAffinity= takes: numbers and ranges (systemd.exec(5)).
var cpuList = pattern(`^\d{1,4}(-\d{1,4})?([ ,]+\d{1,4}(-\d{1,4})?)*$`)

func (a *appReader) affinity(v value) {
	if v.kind == Boolean {
		a.app.Pin = v.truthy
		return
	}
	list := v.text
	if v.kind == Array {
		list = strings.Join(a.strings(v), " ")
	}
	if !cpuList().MatchString(list) {
		a.problem(v.show()+" is not a list of CPUs", `write true, or numbers and ranges such as "0-3,8"`)
		return
	}
	a.app.Affinity = strings.ReplaceAll(list, ",", " ")
}

func (a *appReader) hardening(v value) {
	if v.kind == Boolean {
		a.app.Hardening.Off = !v.truthy
		return
	}
	for _, f := range v.fields {
		c := Change{Directive: f.key}
		switch {
		case f.value.kind == Boolean && f.value.truthy:
			c.Value = "yes"
		case f.value.kind == Boolean:
		case f.value.kind == String:
			c.Value = f.value.text
		default:
			a.problemOn(a.key+"."+f.key, f.value.show()+" is not a value", "write false to take it out, or a string")
			continue
		}
		a.app.Hardening.Changes = append(a.app.Hardening.Changes, c)
	}
}

func (a *appReader) environmentFile(v value) { a.envFiles(v, "") }

func (a *appReader) unhandledRejections(v value) {
	switch v.text {
	case "warn":
	case "throw":
		a.app.TakeRejection = false
	default:
		a.problem(v.show()+" is neither", `write "warn" or "throw"`)
	}
}

func (a *appReader) surge(v value) { a.app.Surge = int(min(v.number, mostPace)) }

func (a *appReader) hangTimeout(v value) { a.app.HangTimeout = v.duration() }

func (a *appReader) parallel(v value) { a.app.Parallel = int(min(v.number, mostPace)) }

// mostPace is as good as any larger number of workers: the activator has no more.
const mostPace = 1000

func (a *appReader) healthCheck(v value) {
	h := &HealthCheck{}
	switch v.kind {
	case Boolean:
		if !v.truthy {
			return
		}
	case String:
		a.healthPath(h, v)
	default:
		key := a.key
		a.table(healthRows(h), v, key+".")
		a.key = key
	}
	a.app.HealthCheck = h
}

func (a *appReader) healthPath(h *HealthCheck, v value) {
	if !strings.HasPrefix(v.text, "/") || strings.ContainsFunc(v.text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		a.problem(v.show()+" is not a path that can be asked for", `write it as in an address, such as "/health"`)
		return
	}
	h.Path = v.text
}
