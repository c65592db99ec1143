package units_test

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/units"
)

func TestAppName(t *testing.T) {
	long := strings.Repeat("long-name-", 10)
	for _, tc := range []struct{ text, want string }{
		{"api", "api"},
		{"my‑api", "my-api"},
		{"my api", "my-api"},
		{"my/api", "my-api"},
		{"@scope/api", "scope-api"},
		{"api@2", "api-2"},
		{"api_v2.1", "api_v2.1"},
		{"  --api--  ", "api"},
		{"a--b", "a-b"},
		{"Büro", "Buro"},
		{"ＡＰＩ", "API"},
		{".hidden.", "hidden"},
		{". .0", "0"},
		{"a\nb", "a-b"},
		{"%i", "i"},
		{`a\b`, "a-b"},
		{"应用", "app-63c73c47"},
		{"...", "app-ab5df625"},
		{"", "app-e3b0c442"},
		{"3000", "3000"},
		{long, "long-name-long-name-long-name-long-name-long-name-long-839305fe"},
	} {
		got, changed := units.AppName(tc.text)
		if got != tc.want || changed != (got != tc.text) {
			t.Errorf("%q: got %q (changed: %v), want %q", tc.text, got, changed, tc.want)
		}
	}
}

// FuzzAppName: every text gets a name that needs no escaping anywhere, and a
// name stays what it is.
func FuzzAppName(f *testing.F) {
	for _, s := range []string{"api", "my‑api", "", "...", "a/../b", "\xff", strings.Repeat("ä", 200), strings.Repeat(".", 70) + "x", strings.Repeat("a.", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, _ := units.AppName(s)
		if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
			t.Errorf("%q becomes %q", s, name)
		}
		if again, changed := units.AppName(name); changed {
			t.Errorf("%q becomes %q, then %q", s, name, again)
		}
		if _, err := units.Account(units.AccountName(name)); err != nil {
			t.Errorf("%q has the account %q, which %v", name, units.AccountName(name), err)
		}
	})
}

func TestAccountName(t *testing.T) {
	for name, want := range map[string]string{
		"my-api":                "my-api",
		"api.v2":                "api-v2",
		"3000":                  "_3000",
		strings.Repeat("a", 40): "aaaaaaaaaaaaaaaaaaaaaa-e33cdf9c",
	} {
		if got := units.AccountName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
