// Package terminal is what is known of where a program writes to, and what may be
// written there.
package terminal

import (
	"io"
	"strconv"

	"golang.org/x/sys/unix"
)

// Terminal is what is known of where something is written to.
type Terminal struct {
	Is     bool // it is one
	Dumb   bool // it can nothing but write
	Colour bool // it wants colours
	Width  int  // in columns
}

// The widths of a terminal that does not say, and of what is none: there nothing
// has to fit.
const (
	usualWidth = 80
	noWidth    = 1 << 16
)

// Of looks at where out leads. $NO_COLOR (no-color.org) keeps colours away, and so
// does a terminal that can nothing but write ($TERM is dumb, terminfo(5)); $COLUMNS
// is for who knows better.
func Of(out io.Writer, getenv func(string) string) Terminal {
	file, ok := out.(interface{ Fd() uintptr })
	if !ok {
		return Terminal{Width: noWidth}
	}
	if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err != nil {
		return Terminal{Width: noWidth}
	}
	t := Terminal{Is: true, Dumb: getenv("TERM") == "dumb", Width: usualWidth}
	t.Colour = getenv("NO_COLOR") == "" && !t.Dumb
	if size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		t.Width = int(size.Col)
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		t.Width = n
	}
	return t
}
