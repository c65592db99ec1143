package ecosystem

// word is one argument in a string: `key="…"`, which keeps its quotes, a quoted
// run, or a run without blanks. The order of the alternatives is PM2's.
var word = pattern(`[^\s"'=]+=(?:"[^"]*"|'[^']*')|"[^"]*"|'[^']*'|\S+`)

// splitWords splits a string of arguments as PM2 does: there is no escape
// character, and only a word that is quoted as a whole loses its quotes.
func splitWords(s string) []string {
	words := word().FindAllString(s, -1)
	for i, w := range words {
		if n := len(w); n >= 2 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] {
			words[i] = w[1 : n-1]
		}
	}
	return words
}
