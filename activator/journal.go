package activator

import (
	"fmt"
	"io"
)

// journal writes lines that journald files by priority (sd-daemon(3)).
type journal struct{ w io.Writer }

func (j journal) info(format string, args ...any)    { j.line(6, format, args) }
func (j journal) notice(format string, args ...any)  { j.line(5, format, args) }
func (j journal) warning(format string, args ...any) { j.line(4, format, args) }
func (j journal) err(format string, args ...any)     { j.line(3, format, args) }

func (j journal) line(priority int, format string, args []any) {
	// Nobody is left to tell where the journal is gone.
	fmt.Fprintf(j.w, "<%d>%s\n", priority, fmt.Sprintf(format, args...))
}
