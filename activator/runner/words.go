package runner

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// words takes a value apart as systemd.syntax(7), "Quoting", says.
func words(value string) ([]string, error) {
	var out []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			text, length, err := unescape(value[i+1:])
			if err != nil {
				return nil, err
			}
			word.WriteString(text)
			inWord = true
			i += length
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case strings.IndexByte(" \t\n\r", c) >= 0:
			if inWord {
				out = append(out, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%c has no end", quote)
	}
	if inWord {
		out = append(out, word.String())
	}
	return out, nil
}

// escapes are the short ones of systemd.syntax(7), table 1.
var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	'\\': `\`, '"': `"`, '\'': "'", 's': " ",
}

// unescape reads what follows a backslash, and how long that is.
func unescape(s string) (text string, length int, err error) {
	if s == "" {
		return "", 0, errors.New("it ends in a backslash")
	}
	if text, ok := escapes[s[0]]; ok {
		return text, 1, nil
	}
	digits, base, begin := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]], 16, 1
	if s[0] >= '0' && s[0] <= '7' {
		digits, base, begin = 3, 8, 0
	}
	if digits == 0 || len(s) < begin+digits {
		return "", 0, fmt.Errorf(`\%c is no escape`, s[0])
	}
	n, err := strconv.ParseUint(s[begin:begin+digits], base, 32)
	if err != nil || n == 0 || digits > 3 && !utf8.ValidRune(rune(n)) || digits <= 3 && n > 0xff {
		return "", 0, fmt.Errorf(`\%s is no character`, s[:begin+digits])
	}
	if digits > 3 {
		return string(rune(n)), begin + digits, nil
	}
	return string([]byte{byte(n)}), begin + digits, nil
}

// specifiers puts in what a percent sign stands for (systemd.unit(5)).
func specifiers(word, instance string) string {
	return strings.NewReplacer("%%", "%", "%i", instance).Replace(word)
}

// variables puts in what stands in env, as systemd.service(5), "Command lines",
// says of the words after the first.
func variables(word string, env []string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(word, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, rest, closed := strings.Cut(strings.TrimPrefix(after, "{"), "}")
		switch {
		case strings.HasPrefix(after, "$"):
			out.WriteByte('$')
			word = after[1:]
		case strings.HasPrefix(after, "{") && closed:
			out.WriteString(lookup(env, name))
			word = rest
		default:
			out.WriteByte('$')
			word = after
		}
	}
}

// lookup is the last value of a variable, which is the one that counts.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
