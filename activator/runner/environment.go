package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// readEnvironment reads a file as EnvironmentFile= does: the states are those of
// parse_env_file_internal() in systemd's src/basic/env-file.c. Lines that are no
// assignment are skipped, as there.
func readEnvironment(text string) []string {
	var env []string
	var key, value strings.Builder
	blanks := 0 // at the end of value, outside quotes
	push := func() {
		name := strings.TrimSpace(key.String())
		if isVariable(name) {
			env = append(env, name+"="+value.String()[:value.Len()-blanks])
		}
		key.Reset()
		value.Reset()
		blanks = 0
	}
	add := func(c byte) { value.WriteByte(c); blanks = 0 }
	const (
		beforeKey = iota
		inKey
		beforeValue
		inValue
		escaped
		single
		double
		doubleEscaped
		comment
		commentEscaped
	)
	state := beforeKey
	text += "\n"
	for i := 0; i < len(text); i++ {
		c := text[i]
		newline := c == '\n' || c == '\r'
		blank := c == ' ' || c == '\t' || newline
		switch state {
		case beforeKey:
			switch {
			case c == '#' || c == ';':
				state = comment
			case !blank:
				state = inKey
				key.WriteByte(c)
			}
		case inKey:
			switch {
			case newline:
				key.Reset()
				state = beforeKey
			case c == '=':
				state = beforeValue
			default:
				key.WriteByte(c)
			}
		case beforeValue, inValue:
			quotes := state == beforeValue
			switch {
			case newline:
				push()
				state = beforeKey
			case quotes && c == '\'':
				state = single
			case quotes && c == '"':
				state = double
			case c == '\\':
				state = escaped
			case quotes && blank:
			default:
				state = inValue
				value.WriteByte(c)
				if blanks++; !blank {
					blanks = 0
				}
			}
		case escaped:
			state = inValue
			if !newline {
				add(c)
			}
		case single:
			if c == '\'' {
				state = beforeValue
			} else {
				add(c)
			}
		case double:
			switch c {
			case '"':
				state = beforeValue
			case '\\':
				state = doubleEscaped
			default:
				add(c)
			}
		case doubleEscaped:
			state = double
			switch {
			case strings.IndexByte("\"\\`$", c) >= 0:
				add(c)
			case !newline:
				add('\\')
				add(c)
			}
		case comment:
			switch {
			case c == '\\':
				state = commentEscaped
			case newline:
				state = beforeKey
			}
		case commentEscaped:
			state = comment
		}
	}
	return env
}

// isVariable: what systemd takes for the name of one.
func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// managers are variables by which a service manager speaks to one process: the
// one that gets them, and not to its children.
var managers = []string{"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM", "MAINPID", "WATCHDOG_PID", "WATCHDOG_USEC", "SYSTEMD_EXEC_PID", "MANAGERPID", "NODE_CHANNEL_FD", "NODE_UNIQUE_ID"}

// inherited are the variables that apps get from the process itself.
func inherited(environ []string) []string {
	var out []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		hidden := false
		for _, manager := range managers {
			hidden = hidden || name == manager
		}
		if !hidden {
			out = append(out, v)
		}
	}
	return out
}

// environment is what a command of a unit gets: what systemd.exec(5) says of
// Environment= and EnvironmentFile=, over what the process itself has.
func (s *spec) environment(base []string, own map[string]string) ([]string, error) {
	env := append([]string(nil), base...)
	env = append(env, s.variables...)
	for _, file := range s.envFiles {
		name, optional := strings.CutPrefix(file, "-")
		text, ok := own[name]
		if !ok {
			data, err := os.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) && optional {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read EnvironmentFile=: %w", err)
			}
			text = string(data)
		}
		env = append(env, readEnvironment(text)...)
	}
	return unique(env), nil
}

// unique keeps the last of the variables of a name.
func unique(env []string) []string {
	at := map[string]int{}
	var out []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if i, ok := at[name]; ok {
			out[i] = v
			continue
		}
		at[name] = len(out)
		out = append(out, v)
	}
	return out
}
