package ecosystem

// secretName is a name that people give to what others should not read.
var secretName = pattern(`(?i)secret|passw|passphrase|(^|_)(pass|pwd|auth|jwt|salt|dsn|pat)(_|$)|token|credential|(private|api|access|encryption|signing|session|app|account|service|master|shared|license)_?key`)

// secretText is a value that is one whatever its name: a URL with a password, a
// private key, or a token that says by its first letters who issued it.
var secretText = pattern(`^[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|[?&;](password|passwd|pwd|token|secret|apikey|api_key|sig|AccountKey|SharedAccessKey)=[^&;]|-----BEGIN [A-Z ]*PRIVATE KEY|^(sk|rk|pk)_(live|test)_\w{8}|^sk-[\w-]{16}|^gh[pousr]_\w{16}|^github_pat_\w{16}|^xox[abpors]-|^AKIA[0-9A-Z]{16}$|^AIza[\w-]{30}|^SG\.[\w-]{16}|^npm_\w{20}|^glpat-[\w-]{16}|^eyJ[\w-]+\.eyJ[\w-]+\.`)

// secretPlain is a value that gives nothing away.
var secretPlain = pattern(`^(|true|false|null|yes|no|on|off|\d{1,5}|\d+(ms|s|m|h|d))$`)

// isSecret reports whether a variable is a secret or looks like one.
func isSecret(name, text string) bool {
	return secretText().MatchString(text) || secretName().MatchString(name) && !secretPlain().MatchString(text)
}
