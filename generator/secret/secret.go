// Package secret tells what others should not read: by its name, or by what it looks
// like.
package secret

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// patterns tell secrets from other words.
type patterns struct {
	// name is one that people give to what others should not read.
	name *regexp.Regexp
	// value is one whatever its name: a URL with a password, a private key, or a
	// token that says by its first letters who issued it.
	value *regexp.Regexp
	// harmless is a value that gives nothing away.
	harmless *regexp.Regexp
}

// compiled are the patterns, once they are needed: most programs never do.
var compiled = sync.OnceValue(func() patterns {
	return patterns{
		name:     regexp.MustCompile(`(?i)secret|passw|passphrase|(^|_)(pass|pwd|auth|jwt|salt|dsn|pat)(_|$)|token|credential|(private|api|access|encryption|signing|session|app|account|service|master|shared|license)_?key`),
		value:    regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|[?&;](password|passwd|pwd|token|secret|apikey|api_key|sig|AccountKey|SharedAccessKey)=[^&;]|-----BEGIN [A-Z ]*PRIVATE KEY|^(sk|rk|pk)_(live|test)_\w{8}|^sk-[\w-]{16}|^gh[pousr]_\w{16}|^github_pat_\w{16}|^xox[abpors]-|^AKIA[0-9A-Z]{16}$|^AIza[\w-]{30}|^SG\.[\w-]{16}|^npm_\w{20}|^glpat-[\w-]{16}|^eyJ[\w-]+\.eyJ[\w-]+\.`),
		harmless: regexp.MustCompile(`^(|true|false|null|yes|no|on|off|\d{1,5}|\d+(ms|s|m|h|d))$`),
	}
})

// Is reports whether a variable of an environment is a secret or looks like
// one.
func Is(name, text string) bool {
	return compiled().value.MatchString(text) || compiled().name.MatchString(name) && !compiled().harmless.MatchString(text)
}

// Words says which words of a command line are secrets, or look like ones,
// without showing them: by their options, or by their numbers from 1.
func Words(words []string) []string {
	var out []string
	for i, word := range words {
		option, text, given := strings.Cut(word, "=")
		if !given && i > 0 && strings.HasPrefix(words[i-1], "-") {
			option, text = words[i-1], word
		}
		name := strings.ReplaceAll(strings.TrimLeft(option, "-"), "-", "_")
		switch {
		case compiled().value.MatchString(text) || compiled().value.MatchString(word):
		case text == "" || strings.HasPrefix(text, "-") || !Is(name, text):
			continue
		}
		if text == "" || compiled().value.MatchString(option) {
			option = "number " + strconv.Itoa(i+1)
		}
		out = append(out, option)
	}
	return out
}

// InLine reports whether a line of a file may have a secret in it.
func InLine(line string) bool {
	return compiled().name.MatchString(line) || slices.ContainsFunc(strings.FieldsFunc(line, func(r rune) bool {
		return strings.ContainsRune(" \t\"'`,", r)
	}), compiled().value.MatchString)
}
