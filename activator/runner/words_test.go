package runner

import (
	"slices"
	"testing"

	"github.com/gopm/gopm/units"
)

func TestWords(t *testing.T) {
	tests := []struct {
		value string
		want  []string
		err   string
	}{
		{"", nil, ""},
		{"  a  b\t", []string{"a", "b"}, ""},
		{`a"b c"d 'e "f'`, []string{"ab cd", `e "f`}, ""},
		{`"" ''`, []string{"", ""}, ""},
		{`\x41\102\u00e9\U0001F600\s\n "\"\\"`, []string{"ABé😀 \n", `"\`}, ""},
		{`\xe9`, []string{"\xe9"}, ""},
		{`"a`, nil, `" has no end`},
		{`a\`, nil, "it ends in a backslash"},
		{`\q`, nil, `\q is no escape`},
		{`\x4`, nil, `\x is no escape`},
		{`\000`, nil, `\000 is no character`},
		{`\777`, nil, `\777 is no character`},
		{`\uD800`, nil, `\uD800 is no character`},
	}
	for _, test := range tests {
		got, err := words(test.value)
		if err != nil && err.Error() != test.err || err == nil && test.err != "" || !slices.Equal(got, test.want) {
			t.Errorf("words(%q) = %q, %v, want %q, %s", test.value, got, err, test.want, test.err)
		}
	}
}

func TestVariables(t *testing.T) {
	env := []string{"A=1", "B=x $A", "A=2"}
	for word, want := range map[string]string{
		"": "", "plain": "plain", "${A}": "2", "a${A}b${B}": "a2bx $A", "$$A $${A}": "$A ${A}", "${none}": "", "$A": "$A", "${A": "${A", "$": "$", "$$": "$",
	} {
		if got := variables(word, env); got != want {
			t.Errorf("variables(%q) = %q, want %q", word, got, want)
		}
	}
}

// FuzzQuoting: what units quotes is read as it was, and nothing of it is taken
// for anything else.
func FuzzQuoting(f *testing.F) {
	for _, seed := range []string{"", "a b", `"`, `\`, "'", "%i", "%%", "$A", "${A}", "$$", "tab\tand\nline", "é😀", "#;", "a=b", " lead and trail ", "`", "\\$", "\r"} {
		f.Add(seed, seed+"x")
	}
	env := []string{"A=wrong", "=wrong", "x=wrong"}
	f.Fuzz(func(t *testing.T, a, b string) {
		if v, err := units.Command("node", a, b); err == nil {
			c, err := newCommand(v.String(), "7")
			if err != nil || len(c.words) != 3 || c.words[0] != "node" || variables(c.words[1], env) != a || variables(c.words[2], env) != b {
				t.Errorf("ExecStart=%s is read as %q, %v, want %q and %q", v, c.words, err, a, b)
			}
		}
		if v, err := units.Assignment("NAME", a); err == nil {
			s := readOne(t, "Environment="+v.String())
			if want := "NAME=" + a; !slices.Equal(s.variables, []string{want}) {
				t.Errorf("Environment=%s is read as %q, want %q", v, s.variables, want)
			}
		}
		if v, err := units.Variable("NAME", a); err == nil {
			if got, want := readEnvironment(v.String()), "NAME="+a; !slices.Equal(got, []string{want}) {
				t.Errorf("the file %q is read as %q, want %q", v, got, want)
			}
		}
		if v, err := units.Path("/" + a); err == nil {
			if s := readOne(t, "WorkingDirectory="+v.String()); s.dir != "/"+a {
				t.Errorf("WorkingDirectory=%s is read as %q, want %q", v, s.dir, "/"+a)
			}
		}
	})
}

// readOne reads a unit with one directive more than a unit needs.
func readOne(t *testing.T, directive string) *spec {
	t.Helper()
	u, err := parse("x@.service", "[Service]\nExecStart=true\n"+directive+"\n")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSpec("x@7.service", u, "7")
	if err != nil {
		t.Fatal(err)
	}
	return s
}
