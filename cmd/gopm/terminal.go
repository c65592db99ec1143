package main

import (
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal is what is known of where something is written to.
type terminal struct {
	is     bool
	colour bool
	width  int // in columns
}

// The widths of a terminal that does not say, and of what is none: there nothing
// has to fit.
const (
	usualWidth = 80
	noWidth    = 1 << 16
)

// terminalOf looks at where out leads. $NO_COLOR (no-color.org) keeps colours
// away, and $COLUMNS is for who knows better.
func terminalOf(out io.Writer, getenv func(string) string) terminal {
	file, ok := out.(*os.File)
	if !ok {
		return terminal{width: noWidth}
	}
	if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err != nil {
		return terminal{width: noWidth}
	}
	t := terminal{is: true, colour: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb", width: usualWidth}
	if size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		t.width = int(size.Col)
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 {
		t.width = n
	}
	return t
}

// shorten cuts a text to n characters, the last of which tells that it was cut.
func shorten(text string, n int) string {
	n = max(n, 1)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// plain is a text of an app's as a terminal may have it: without control
// characters, which would be commands to it.
func plain(s string) string {
	var out []rune
	for _, r := range s {
		if !strconv.IsPrint(r) {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
