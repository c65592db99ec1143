package ecosystem

import (
	"slices"
	"strconv"
	"strings"
)

// secretName is a name that people give to what others should not read.
var secretName = pattern(`(?i)secret|passw|passphrase|(^|_)(pass|pwd|auth|jwt|salt|dsn|pat)(_|$)|token|credential|(private|api|access|encryption|signing|session|app|account|service|master|shared|license)_?key`)

// secretText is a value that is one whatever its name: a URL with a password, a
// private key, or a token that says by its first letters who issued it.
var secretText = pattern(`^[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|[?&;](password|passwd|pwd|token|secret|apikey|api_key|sig|AccountKey|SharedAccessKey)=[^&;]|-----BEGIN [A-Z ]*PRIVATE KEY|^(sk|rk|pk)_(live|test)_\w{8}|^sk-[\w-]{16}|^gh[pousr]_\w{16}|^github_pat_\w{16}|^xox[abpors]-|^AKIA[0-9A-Z]{16}$|^AIza[\w-]{30}|^SG\.[\w-]{16}|^npm_\w{20}|^glpat-[\w-]{16}|^eyJ[\w-]+\.eyJ[\w-]+\.`)

// secretPlain is a value that gives nothing away.
var secretPlain = pattern(`^(|true|false|null|yes|no|on|off|\d{1,5}|\d+(ms|s|m|h|d))$`)

// IsSecret reports whether a variable of an environment is a secret or looks like
// one.
func IsSecret(name, text string) bool {
	return secretText().MatchString(text) || secretName().MatchString(name) && !secretPlain().MatchString(text)
}

// secretWords says which words of a command line are secrets, or look like ones,
// without showing them: by their options, or by their numbers from 1.
func secretWords(words []string) []string {
	var out []string
	for i, word := range words {
		option, text, given := strings.Cut(word, "=")
		if !given && i > 0 && strings.HasPrefix(words[i-1], "-") {
			option, text = words[i-1], word
		}
		name := strings.ReplaceAll(strings.TrimLeft(option, "-"), "-", "_")
		switch {
		case secretText().MatchString(text) || secretText().MatchString(word):
		case text == "" || strings.HasPrefix(text, "-") || !IsSecret(name, text):
			continue
		}
		if text == "" || secretText().MatchString(option) {
			option = "number " + strconv.Itoa(i+1)
		}
		out = append(out, option)
	}
	return out
}

// secretLine reports whether a line of a file may have a secret in it.
func secretLine(line string) bool {
	return secretName().MatchString(line) || slices.ContainsFunc(strings.FieldsFunc(line, func(r rune) bool {
		return strings.ContainsRune(" \t\"'`,", r)
	}), secretText().MatchString)
}
