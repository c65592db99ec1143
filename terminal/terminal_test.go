package terminal

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudo is the end of a terminal of a size that its program has not (ptmx(4)).
func pseudo(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return master
}

func TestOf(t *testing.T) {
	tests := map[string]struct {
		columns uint16
		env     map[string]string
		want    Terminal
	}{
		"narrow":                  {columns: 20, want: Terminal{Is: true, Colour: true, Width: 20}},
		"it does not say":         {want: Terminal{Is: true, Colour: true, Width: 80}},
		"somebody knows":          {columns: 20, env: map[string]string{"COLUMNS": "33"}, want: Terminal{Is: true, Colour: true, Width: 33}},
		"somebody does not":       {columns: 20, env: map[string]string{"COLUMNS": "-1"}, want: Terminal{Is: true, Colour: true, Width: 20}},
		"no colour is wanted":     {columns: 80, env: map[string]string{"NO_COLOR": "1"}, want: Terminal{Is: true, Width: 80}},
		"it can nothing":          {columns: 80, env: map[string]string{"TERM": "dumb"}, want: Terminal{Is: true, Dumb: true, Width: 80}},
		"one that can":            {columns: 80, env: map[string]string{"TERM": "xterm"}, want: Terminal{Is: true, Colour: true, Width: 80}},
		"no colour: an empty one": {columns: 80, env: map[string]string{"NO_COLOR": ""}, want: Terminal{Is: true, Colour: true, Width: 80}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Of(pseudo(t, test.columns), func(name string) string { return test.env[name] })
			if got != test.want {
				t.Errorf("it is %+v, want %+v", got, test.want)
			}
		})
	}
	none := Terminal{Width: noWidth}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	nothing := func(string) string { return "" }
	if of, buffer := Of(null, nothing), Of(new(bytes.Buffer), nothing); of != none || buffer != none {
		t.Errorf("/dev/null is %+v, a buffer %+v, want %+v", of, buffer, none)
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string][3]string{ // as it is cleaned, with colours, and plain
		"GET /\t200":                {"GET /\t200", "GET /\t200", "GET /    200"},
		"\x1b[31mred\x1b[0m\x1b[2J": {"red?[2J", "\x1b[31mred\x1b[0m?[2J", "red?[2J"},
		"a\rb\x00c\u202ed\xff":      {"a?b?c?d?", "a?b?c?d?", "a?b?c?d?"},
		"naïve 日本":                  {"naïve 日本", "naïve 日本", "naïve 日本"},
	} {
		if got := [3]string{Clean(text, false), Clean(text, true), Plain(text)}; got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
