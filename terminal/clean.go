package terminal

import (
	"regexp"
	"strings"
	"unicode"
)

// sgr is an escape sequence that only colours.
var sgr = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Clean is a text without control characters, which are commands to a terminal. A
// tab stays; so do colours where they are kept.
func Clean(text string, colours bool) string {
	var out strings.Builder
	for len(text) > 0 {
		at := sgr.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		out.WriteString(strings.Map(func(r rune) rune {
			if r == '\t' {
				return r
			}
			// Those of direction (Bidi_Control) could show a line as another one.
			if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
				return '?'
			}
			return r
		}, text[:at[0]]))
		if colours {
			out.WriteString(text[at[0]:at[1]])
		}
		text = text[at[1]:]
	}
	return out.String()
}

// Plain is Clean without colours, and without tabs: it is as wide as it is long.
func Plain(text string) string {
	return strings.ReplaceAll(Clean(text, false), "\t", "    ")
}
