package results

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// What stands between these marks in a text, each on a line of its own, is a table of
// a run: <!-- bench: MEASURE -->, or host, aims or elsewhere in place of a measure.
const (
	markBegin = "<!-- bench: "
	markTail  = " -->"
	markEnd   = "<!-- /bench -->"
)

// ErrNoMarks tells that a text has no place for a table.
var ErrNoMarks = errors.New("no line is a mark, such as <!-- bench: throughput --> with <!-- /bench --> after it")

// Rewrite is the text with the tables of this run between its marks, in place of what
// stood there.
func (r *Results) Rewrite(text string) (string, error) {
	var out strings.Builder
	open, marks := "", 0
	for line := range strings.Lines(text) {
		name, isBegin := strings.CutPrefix(strings.TrimSpace(line), markBegin)
		name, whole := strings.CutSuffix(name, markTail)
		isEnd := strings.TrimSpace(line) == markEnd
		switch {
		case isBegin && whole && open != "":
			return "", fmt.Errorf("%s%s%s stands within that of %s: %s is missing", markBegin, name, markTail, open, markEnd)
		case isBegin && whole:
			out.WriteString(line + "\n")
			if err := r.table(&out, name); err != nil {
				return "", err
			}
			open = name
			marks++
		case isEnd && open == "":
			return "", fmt.Errorf("%s has no beginning", markEnd)
		case isEnd:
			out.WriteString("\n" + line)
			open = ""
		case open == "":
			out.WriteString(line)
		}
	}
	switch {
	case open != "":
		return "", fmt.Errorf("the table of %s has no end: %s is missing", open, markEnd)
	case marks == 0:
		return "", ErrNoMarks
	}
	return out.String(), nil
}

// table is what stands between the marks of a name.
func (r *Results) table(out io.Writer, name string) error {
	switch {
	case name == "host":
		_, err := fmt.Fprintln(out, r.Host)
		return err
	case name == "aims":
		return r.aimsBody(out)
	case name == "elsewhere":
		r.publishedBody(out)
		return nil
	case slices.Contains(r.measures(), name):
		return r.body(out, name)
	}
	return fmt.Errorf("%s%s%s: the run has no such measure, only host, aims, elsewhere, %s", markBegin, name, markTail, strings.Join(r.measures(), ", "))
}
