package runner

import (
	"fmt"
	"strings"
)

// unit is the text of a unit file, by section and directive.
type unit map[string][]string

// parse reads a unit file as gopm-gen writes it: no line goes on in the next.
// go-systemd's reader would refuse lines above 2 KiB, which variables may have.
func parse(name, text string) (unit, error) {
	u := unit{}
	section := ""
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		key, value, isDirective := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
		case !isDirective || section == "":
			return nil, fmt.Errorf("read %s: line %d is neither a section nor a directive in one", name, n+1)
		case strings.HasSuffix(line, `\`):
			return nil, fmt.Errorf("read %s: line %d ends in a backslash", name, n+1)
		default:
			at := section + "." + strings.TrimSpace(key)
			u[at] = append(u[at], strings.TrimSpace(value))
		}
	}
	return u, nil
}

// last is the value that counts of a directive that takes one.
func (u unit) last(at string) string {
	if all := u[at]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// lists are the words of all values.
func (u unit) list(at string) []string {
	return strings.Fields(strings.Join(u[at], " "))
}
