package ecosystem

import (
	"fmt"
	"strings"
)

// Problem is a mistake in an ecosystem file, addressed to the person who can
// mend it.
type Problem struct {
	File   string `json:"file"`             // as the user named it
	Line   int    `json:"line,omitempty"`   // from 1; 0 where no line is known
	Column int    `json:"column,omitempty"` // from 1, in characters
	Place  string `json:"place,omitempty"`  // the app, such as `apps[1] "api"`
	Key    string `json:"key,omitempty"`    // the attribute, as the file writes it
	Text   string `json:"text"`
	App    int    `json:"-"`              // the app's index
	Hint   string `json:"hint,omitempty"` // what to do next
}

// Error returns where and what, without the hint.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	for _, part := range []string{p.Place, p.Key, p.Text} {
		if part != "" {
			b.WriteString(": ")
			b.WriteString(part)
		}
	}
	return b.String()
}
