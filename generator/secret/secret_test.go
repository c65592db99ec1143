package secret

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
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
		if got := strings.Join(Words(strings.Fields(tc.words)), " "); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.words, got, tc.want)
		}
	}
}
