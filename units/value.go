package units

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Value is the right-hand side of a directive, or a part of it, quoted as
// systemd wants it there. The zero Value is empty.
type Value struct{ text string }

// String returns the text as it stands in the unit file.
func (v Value) String() string { return v.text }

// Text makes a Value for a directive that takes the rest of its line as it is
// and expands specifiers, such as Description=.
func Text(s string) (Value, error) {
	if err := oneLine(s); err != nil {
		return Value{}, err
	}
	if strings.TrimSpace(s) != s {
		return Value{}, refuse("begins or ends with a blank, which systemd drops", "take the blank away")
	}
	// systemd.syntax(7): a line that ends in a backslash goes on in the next.
	if strings.HasSuffix(s, `\`) {
		return Value{}, refuse("ends in a backslash, which would swallow the next line of the unit", "take the backslash away")
	}
	return Value{percent(s)}, nil
}

// Path makes a Value for a directive that takes one absolute path as it is,
// such as WorkingDirectory= or the path after StandardOutput=append:.
func Path(s string) (Value, error) {
	if !strings.HasPrefix(s, "/") {
		return Value{}, refuse("is not an absolute path", "write it from / on")
	}
	for _, part := range strings.Split(s, "/") {
		if part == ".." {
			return Value{}, refuse(`has ".." in it`, "write it without")
		}
	}
	return Text(s)
}

// Words makes a Value for the words of a command after the first, as in
// ExecStart=: specifiers and variables in them are not expanded.
func Words(words ...string) (Value, error) {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		if err := lines(w); err != nil {
			return Value{}, err
		}
		quoted = append(quoted, quote(strings.ReplaceAll(percent(w), "$", "$$")))
	}
	return Value{strings.Join(quoted, " ")}, nil
}

// Reference makes a Value for one word of a command after the first: a text, and
// behind it whatever a variable of the service has when it starts.
func Reference(text, name string) (Value, error) {
	if err := variable(name); err != nil {
		return Value{}, err
	}
	if err := lines(text); err != nil {
		return Value{}, err
	}
	return Value{quote(strings.ReplaceAll(percent(text), "$", "$$") + "${" + name + "}")}, nil
}

// Command makes a Value for a whole command, as in ExecStart=: a program that
// is an absolute path or a bare name, and its arguments.
func Command(program string, args ...string) (Value, error) {
	if err := oneLine(program); err != nil {
		return Value{}, err
	}
	switch {
	case program == "":
		return Value{}, refuse("is empty", "write the name of a program")
	// systemd takes these for modifiers of the command line: systemd.service(5),
	// "Special executable prefixes".
	case strings.ContainsRune("@-:+!|", rune(program[0])):
		return Value{}, refuse(fmt.Sprintf("begins with %q, which systemd takes for a prefix of its own", program[:1]), "write an absolute path")
	// The path of a program is not quoted and its variables are not expanded:
	// config_parse_exec() refuses the first four and argv[0] would lose the last.
	case strings.ContainsAny(program, `"'\$`):
		return Value{}, refuse(`has a quote, a backslash or a "$", which systemd does not take in the name of a program`, "give the file another name")
	case strings.Contains(program, "/") && !strings.HasPrefix(program, "/"):
		return Value{}, refuse("is neither an absolute path nor a bare name", "write it from / on")
	case strings.HasSuffix(program, "/"):
		return Value{}, refuse("is a folder, not a program", "write the path of a program")
	}
	rest, err := Words(args...)
	if err != nil {
		return Value{}, err
	}
	v := quote(percent(program))
	if rest.text != "" {
		v += " " + rest.text
	}
	return Value{v}, nil
}

// Assignment makes a Value for one variable of Environment=.
func Assignment(name, value string) (Value, error) {
	if err := variable(name); err != nil {
		return Value{}, err
	}
	if err := lines(value); err != nil {
		return Value{}, err
	}
	return Value{quote(percent(name + "=" + value))}, nil
}

// IsVariable reports whether systemd takes a name for a variable.
func IsVariable(name string) bool { return variable(name) == nil }

// Variable makes a Value for a line of the file of EnvironmentFile=, which knows
// no specifiers and has its own quotes: parse_env_file_internal() of systemd.
func Variable(name, value string) (Value, error) {
	if err := variable(name); err != nil {
		return Value{}, err
	}
	if err := lines(value); err != nil {
		return Value{}, err
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(value)
	return Value{name + `="` + escaped + `"`}, nil
}

// InstanceVariable makes a Value for a variable of Environment= that holds the
// instance name of the unit: specifier %i of systemd.unit(5).
func InstanceVariable(name string) (Value, error) {
	if err := variable(name); err != nil {
		return Value{}, err
	}
	return Value{name + "=%i"}, nil
}

// Output makes a Value for StandardOutput= or StandardError=: nothing at all
// where discard is set, else a file to append to, with "-" and the instance name
// of the unit between the path and its suffix where perInstance is set.
func Output(discard bool, path, suffix string, perInstance bool) (Value, error) {
	if discard {
		return Value{"null"}, nil
	}
	middle := ""
	if perInstance {
		middle = "-%i"
	}
	// A number stands for the instance, so that the halves are judged as one path.
	if _, err := Path(path + strings.ReplaceAll(middle, "%i", "0") + suffix); err != nil {
		return Value{}, err
	}
	return Value{"append:" + percent(path) + middle + percent(suffix)}, nil
}

// EnvironmentFile makes a Value for EnvironmentFile=: an absolute path, which
// may be missing where a minus stands before it.
func EnvironmentFile(path string) (Value, error) {
	rest, optional := strings.CutPrefix(path, "-")
	v, err := Path(rest)
	if err != nil || !optional {
		return v, err
	}
	return Value{"-" + v.text}, nil
}

// BesideUserUnits makes a Value for EnvironmentFile= of a file that lies with
// the units of a user: specifier %E of systemd.unit(5).
func BesideUserUnits(file string) (Value, error) {
	v, err := Text(file)
	return Value{"%E/systemd/user/" + v.text}, err
}

// LogPattern makes a Value for the name of a log in logrotate(8), a glob in
// double quotes, with any instance's number where perInstance is set.
func LogPattern(path, suffix string, perInstance bool) (Value, error) {
	if strings.ContainsAny(path+suffix, "\"\\*?[]{}") || oneLine(path+suffix) != nil {
		return Value{}, refuse("has a character that logrotate takes for more than itself", "give the file another name")
	}
	if perInstance {
		path += "-*"
	}
	return Value{`"` + path + suffix + `"`}, nil
}

// Specified makes a Value of what gopm itself writes, such as the value of a
// directive that has no user's text in it.
func Specified(s string) Value { return Value{s} }

// Field makes a Value for one column of a sysusers.d(5) or tmpfiles.d(5) line.
func Field(s string) (Value, error) {
	if err := oneLine(s); err != nil {
		return Value{}, err
	}
	return Value{quote(percent(s))}, nil
}

// Account makes a Value for User= or Group=: the name of an account, or its
// number. The rule is systemd's valid_user_group_name().
func Account(s string) (Value, error) {
	if len(s) <= longestAccount && (isName(s, "-.") || isNumber(s)) {
		return Value{s}, nil
	}
	return Value{}, refuse("is not the name of an account", `write the name of a user or group, such as "www-data"`)
}

// Listen makes a Value for ListenStream=: a port, an address with a port, or
// the absolute path of a socket.
func Listen(address string) (Value, error) {
	if strings.HasPrefix(address, "/") {
		// sun_path of unix(7) holds 107 bytes and a NUL.
		if len(address) > 107 {
			return Value{}, refuse("is longer than the 107 bytes a socket's path may have", "write a shorter path, such as one below /run")
		}
		if strings.HasSuffix(address, "/") {
			return Value{}, refuse("is a folder, not a socket", "write the path of a socket, such as one below /run")
		}
		return Path(address)
	}
	if err := hostPort(address); err != nil {
		return Value{}, err
	}
	return Value{address}, nil
}

// Datagram makes a Value for ListenDatagram=: an address with a port, or a port,
// of IPv4 then: systemd would bind one of IPv6, with which an app's udp4 socket
// cannot answer.
func Datagram(address string) (Value, error) {
	if isNumber(address) {
		address = "0.0.0.0:" + address
	}
	if hostPort(address) != nil {
		return Value{}, refuse("is not a port or an address", `write udp: and a port from 1 to 65535, or an address such as "udp:127.0.0.1:5353"`)
	}
	return Value{address}, nil
}

// Name makes a Value from the name of an app's units, as [AppName] makes it.
func Name(s string) (Value, error) {
	if name, _ := AppName(s); name != s {
		return Value{}, refuse("is not the name of a unit", "")
	}
	return Value{s}, nil
}

// Span makes a Value from a length of time, down to milliseconds.
func Span(d time.Duration) Value {
	if d%time.Second == 0 {
		return Value{strconv.FormatInt(int64(d/time.Second), 10) + "s"}
	}
	return Value{strconv.FormatInt(d.Milliseconds(), 10) + "ms"}
}

// Number makes a Value from a number.
func Number(n int64) Value { return Value{strconv.FormatInt(n, 10)} }

// percent keeps systemd from taking part of s for a specifier.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote makes one word of s, as systemd.syntax(7), "Quoting", reads it. Words
// that need none stay as they are.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, needsQuotes) < 0 {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// needsQuotes reports whether a word with r in it is quoted. Quotes in the
// middle of a word, `;` alone, `#` at the start of a continued line and blanks
// all mean something to systemd; the rest of the list is for the reader's eye.
func needsQuotes(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'\\;#`|&<>(){}[]*?!~", r)
}
