package ecosystem

import (
	"slices"
	"strings"
	"testing"
)

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
