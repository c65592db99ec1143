package ecosystem

import (
	"slices"
	"strings"
)

// wants reports whether the app called name is to be read.
func (r *reader) wants(name string) bool {
	return len(r.only) == 0 || slices.Contains(r.only, name)
}

// missing adds a problem for each wanted app that none of names is.
func (r *reader) missing(names []string) {
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	for _, name := range r.only {
		if slices.Contains(names, name) {
			continue
		}
		hint := "it has: " + strings.Join(names, ", ")
		if near := nearest(name, names); near != "" {
			hint = "write --only " + near
		}
		r.problem("no app is called "+quoted(name), hint)
	}
}
