package units

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RefusedError says why a value cannot stand in a unit. Its text completes a
// sentence that begins with the value.
type RefusedError struct {
	Why  string
	Hint string // what to write instead
}

// Error returns the reason.
func (e *RefusedError) Error() string { return e.Why }

func refuse(why, hint string) error { return &RefusedError{why, hint} }

// longest is the longest value that is accepted, in bytes. systemd refuses a
// whole file for one line of 1 MiB (LONG_LINE_MAX), and quoting can make a
// value four times as long.
const longest = 128 << 10

// oneLine refuses what is more than one line of text.
func oneLine(s string) error {
	if strings.ContainsRune(s, '\n') {
		return refuse("has a line break, which a unit cannot hold there", "write it in one line")
	}
	return lines(s)
}

// lines refuses what cannot stand in a quoted word, where a line break is \n.
// systemd ends a line at \n, \r and NUL (read_line() in basic/fileio.c) and drops
// variables that hold another control character but a tab and a line break
// (env_value_is_valid()).
func lines(s string) error {
	if len(s) > longest {
		return refuse(fmt.Sprintf("is longer than the %d KiB a unit can hold", longest>>10), "let the app read it from a file")
	}
	if !utf8.ValidString(s) {
		return refuse("is not valid UTF-8", "let the app read it from a file")
	}
	for _, r := range s {
		switch {
		case r != '\t' && r != '\n' && (r < ' ' || r == 0x7f):
			return refuse(fmt.Sprintf("has the control character %U, which a unit cannot hold", r), "take it out, or let the app read it from a file")
		// unichar_is_valid() of systemd: one of these, and it takes nothing of the file.
		case unicode.Is(unicode.Noncharacter_Code_Point, r):
			return refuse(fmt.Sprintf("has %U, which is no character and which a unit cannot hold", r), "take it out, or let the app read it from a file")
		}
	}
	return nil
}

// variable refuses a name that systemd's env_name_is_valid() refuses.
func variable(name string) error {
	if !isName(name, "") {
		return refuse("is not a name systemd takes for a variable", "use letters, digits and _, and no digit first")
	}
	return nil
}

// isName reports whether s is a letter or `_` followed by any number of
// letters, digits, `_` and the characters of also.
func isName(s, also string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || (r < '0' || r > '9') && !strings.ContainsRune(also, r)) {
			return false
		}
	}
	return s != ""
}

// isNumber reports whether s has digits only.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// hostPort refuses what is not a port or an IP address with a port.
func hostPort(s string) error {
	port := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host := s[:i]
		port = s[i+1:]
		if !ipAddress(host) {
			return refuse("is not a port, an address or a path", `write a port from 1 to 65535, or an address such as "127.0.0.1:3000"`)
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return refuse("is not a port, an address or a path", `write a port from 1 to 65535, or an address such as "127.0.0.1:3000"`)
	}
	return nil
}

// ipAddress reports whether host is an IPv4 address or an IPv6 one in brackets.
func ipAddress(host string) bool {
	inner, bracketed := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	addr, err := netip.ParseAddr(inner)
	if err != nil || addr.Zone() != "" {
		return false
	}
	return bracketed == closed && bracketed == addr.Is6()
}
