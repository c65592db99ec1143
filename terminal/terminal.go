// Package terminal is what is known of where a program writes to, and what may be
// written there.
package terminal

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Terminal is what is known of where something is written to.
type Terminal struct {
	Is     bool // it is one
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
	file, ok := out.(*os.File)
	if !ok {
		return Terminal{Width: noWidth}
	}
	if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err != nil {
		return Terminal{Width: noWidth}
	}
	t := Terminal{Is: true, Colour: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb", Width: usualWidth}
	if size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		t.Width = int(size.Col)
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		t.Width = n
	}
	return t
}
