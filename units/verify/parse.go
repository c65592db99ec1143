package verify

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Directive is one assignment of a unit, as systemd reads it: lines joined,
// quotes and specifiers as they stand.
type Directive struct{ Section, Key, Value string }

// Parse reads a unit file by the rules of systemd's config_parse(). They are not
// those of other readers: \r and NUL end a line too, and a comment line inside a
// continued line does not end it.
func Parse(text string) ([]Directive, error) {
	var out []Directive
	section, pending, open := "", "", false
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }) {
		line = strings.TrimLeft(line, blank)
		if line != "" && strings.ContainsRune("#;", rune(line[0])) {
			continue
		}
		if continues(line) {
			pending, open = pending+line[:len(line)-1]+" ", true
			continue
		}
		if open {
			line, pending, open = pending+line, "", false
		}
		line = strings.Trim(line, blank)
		switch {
		case line == "":
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") {
				return nil, fmt.Errorf("parse a unit: invalid section header %q", line)
			}
			section = line[1 : len(line)-1]
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, fmt.Errorf("parse a unit: missing '=' in %q", line)
			}
			out = append(out, Directive{section, strings.TrimRight(key, blank), strings.TrimLeft(value, blank)})
		}
	}
	if open {
		return nil, fmt.Errorf("parse a unit: the last line goes on")
	}
	return out, nil
}

// blank is systemd's WHITESPACE.
const blank = " \t\n\r"

// continues reports whether a line ends in a backslash that nothing escapes.
func continues(line string) bool {
	escaped := false
	for i := range len(line) {
		escaped = !escaped && line[i] == '\\'
	}
	return escaped
}

// Words splits a value into words and takes their quotes off, by the rules of
// systemd's extract_first_word() as ExecStart= and Environment= use it.
func Words(value string) ([]string, error) {
	var words []string
	var word strings.Builder
	inside, quote := false, byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			n, err := unescape(&word, value[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
			inside = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inside = c, true
		case quote == 0 && strings.IndexByte(blank, c) >= 0:
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteByte(c)
			inside = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("split %q: unbalanced quotes", value)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// unescape reads what follows a backslash, as far as systemd's cunescape_one()
// knows it, and returns how many bytes that is.
func unescape(to *strings.Builder, rest string) (int, error) {
	plain := map[byte]byte{'a': 7, 'b': 8, 'f': 12, 'n': '\n', 'r': '\r', 't': '\t', 'v': 11, '\\': '\\', '"': '"', '\'': '\'', 's': ' '}
	if rest == "" {
		return 0, fmt.Errorf("unescape: nothing follows the backslash")
	}
	c, ok := plain[rest[0]]
	if !ok {
		return 0, fmt.Errorf("unescape: unknown escape \\%c", rest[0])
	}
	to.WriteByte(c)
	return 1, nil
}

// Expand replaces the specifiers of a value: %% and, with the instance name, %i.
// Any other is an error, since gopm writes none.
func Expand(value, instance string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b.WriteByte(value[i])
			continue
		}
		i++
		switch {
		case i < len(value) && value[i] == '%':
			b.WriteByte('%')
		case i < len(value) && value[i] == 'i':
			b.WriteString(instance)
		default:
			return "", fmt.Errorf("expand %q: unknown specifier", value)
		}
	}
	return b.String(), nil
}

// Literal takes the doubled dollars out of an argument of ExecStart=. A single
// one is an error: systemd would put a variable there.
func Literal(arg string) (string, error) {
	rest := strings.ReplaceAll(arg, "$$", "")
	if strings.Contains(rest, "$") || !utf8.ValidString(arg) {
		return "", fmt.Errorf("read %q: names a variable", arg)
	}
	return strings.ReplaceAll(arg, "$$", "$"), nil
}
