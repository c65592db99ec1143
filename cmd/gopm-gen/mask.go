package main

import (
	"strings"

	"github.com/gopm/gopm/units"
)

// Instead of what only root may read.
const (
	hidden  = "(hidden)"
	changed = "(hidden, changed)"
)

// assignment is one entry of an environment file, as systemd.exec(5),
// EnvironmentFile=, has it. A value in quotes can go over several lines.
type assignment struct {
	name string // empty: a comment or a blank line
	text string // all of it
}

// assignments takes an environment file apart.
func assignments(text string) []assignment {
	var out []assignment
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, _, ok := strings.Cut(lines[i], "=")
		if trimmed := strings.TrimSpace(lines[i]); !ok || trimmed == "" || strings.ContainsAny(trimmed[:1], "#;") {
			name = ""
		}
		a := assignment{name: strings.TrimSpace(name), text: lines[i]}
		for a.name != "" && open(a.text) && i+1 < len(lines) {
			i++
			a.text += "\n" + lines[i]
		}
		out = append(out, a)
	}
	return out
}

// open reports whether an assignment goes on in the next line: in quotes, or
// after a backslash.
func open(text string) bool {
	_, value, _ := strings.Cut(text, "=")
	var quote rune
	escaped := false
	for _, r := range value {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		}
	}
	return quote != 0 || escaped
}

// mask hides the values in an environment file. Those that old has otherwise
// are told apart.
func mask(text, old string) string {
	before := map[string]string{}
	for _, a := range assignments(old) {
		before[a.name] = a.text
	}
	var b strings.Builder
	for _, a := range assignments(text) {
		was, had := before[a.name]
		switch {
		case a.name == "" && strings.HasPrefix(strings.TrimSpace(a.text), "#"):
			b.WriteString(a.text)
		case a.name == "" && strings.TrimSpace(a.text) == "":
		case a.name == "":
			b.WriteString(hidden)
		case had && was != a.text:
			b.WriteString(a.name + "=" + changed)
		default:
			b.WriteString(a.name + "=" + hidden)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// masked returns the texts of a change as anyone may read them.
func masked(c units.Change) (before, after string) {
	if !c.Old.Secret() && !c.New.Secret() {
		return c.Old.Text, c.New.Text
	}
	if c.Kind != units.Create {
		before = mask(c.Old.Text, "")
	}
	if c.Kind != units.Remove {
		after = mask(c.New.Text, c.Old.Text)
	}
	return before, after
}
