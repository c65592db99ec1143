package ecosystem

import (
	"slices"
	"strings"
	"testing"
)

func TestSecretWords(t *testing.T) {
	for _, tc := range []struct{ words, want string }{
		{"--port 3000 --host 0.0.0.0", ""},
		{"--password=hunter2 --db-pass swordfish", "--password --db-pass"},
		{"--token --verbose", ""},
		{"--token-ttl 3600 --password-file=5", ""},
		{"--db postgres://u:p@h/x postgres://u:p@h/y", "--db number 3"},
		{"-k sk_live_12345678 ghp_0123456789abcdef", "-k number 3"},
		{"DB=redis://:p@h", "DB"},
		{"redis://:p@h/?a=b", "number 1"},
	} {
		if got := strings.Join(secretWords(strings.Fields(tc.words)), " "); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.words, got, tc.want)
		}
	}
}

// TestMessagesKeepSecrets: what is wrong with a secret is said without it.
func TestMessagesKeepSecrets(t *testing.T) {
	for _, text := range []string{
		`exports.apps = [{ script: "a.js", env: { DB: "hunter2\r" } }]`,
		`exports.apps = [{ script: "a.js", env_production: { DB: ["hunter2\r"] } }]`,
		"exports.apps = [{ script: 'a.js', env: { DB_PASSWORD: 'hunter2' 'x' } }]",
		"exports.apps = [{ script: 'a.js', env: { DB: 'x://u:hunter2@h' 'x' } }]",
	} {
		for _, opt := range []Options{{}, {Env: "production"}} {
			_, problems := load(t, text, opt)
			if len(problems) == 0 && !strings.Contains(text, "env_") {
				t.Errorf("%s: no problem", text)
			}
			if slices.ContainsFunc(problems, func(p *Problem) bool { return strings.Contains(p.Error()+p.Hint, "hunter2") }) {
				t.Errorf("%s: %v (%s)", text, problems[0], problems[0].Hint)
			}
		}
	}
}
