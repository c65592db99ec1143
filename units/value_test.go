package units_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/gopm/gopm/units"
	"github.com/gopm/gopm/units/verify"
)

func TestValues(t *testing.T) {
	text := func(s string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Text(s) }
	}
	path := func(s string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Path(s) }
	}
	words := func(s ...string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Words(s...) }
	}
	command := func(s ...string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Command(s[0], s[1:]...) }
	}
	variable := func(name, value string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Assignment(name, value) }
	}
	inFile := func(name, value string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Variable(name, value) }
	}
	envFile := func(path string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.EnvironmentFile(path) }
	}
	logPattern := func(path, suffix string, each bool) func() (units.Value, error) {
		return func() (units.Value, error) { return units.LogPattern(path, suffix, each) }
	}
	output := func(path, suffix string, each bool) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Output(false, path, suffix, each) }
	}
	account := func(s string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Account(s) }
	}
	listen := func(s string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Listen(s) }
	}
	datagram := func(s string) func() (units.Value, error) {
		return func() (units.Value, error) { return units.Datagram(s) }
	}
	for _, tc := range []struct {
		name string
		make func() (units.Value, error)
		want string // or the error
	}{
		{"datagram port", datagram("5353"), "0.0.0.0:5353"},
		{"datagram address", datagram("[::1]:5353"), "[::1]:5353"},
		{"datagram path", datagram("/run/x"), "is not a port or an address"},
		{"datagram port 0", datagram("0"), "is not a port or an address"},
		{"text", text("my‑api: 100% \"x\" $HOME"), "my‑api: 100%% \"x\" $HOME"},
		{"text with a newline", text("a\nExecStart=/bin/sh"), "has a line break, which a unit cannot hold there"},
		{"text with a carriage return", text("a\rExecStart=/bin/sh"), "has the control character U+000D, which a unit cannot hold"},
		{"text with what is no character", text("a\uffff"), "has U+FFFF, which is no character and which a unit cannot hold"},
		{"text with a NUL", text("a\x00b"), "has the control character U+0000, which a unit cannot hold"},
		{"text with a backslash at its end", text(`a\`), "ends in a backslash, which would swallow the next line of the unit"},
		{"text with a blank at its end", text("a "), "begins or ends with a blank, which systemd drops"},
		{"text that is no text", text("a\xff"), "is not valid UTF-8"},
		{"text without end", text(strings.Repeat("x", 1<<20)), "is longer than the 128 KiB a unit can hold"},

		{"path", path("/srv/my api/50%"), "/srv/my api/50%%"},
		{"relative path", path("srv"), "is not an absolute path"},
		{"path that climbs", path("/srv/../etc"), `has ".." in it`},

		{"no words", words(), ""},
		{"words", words("a", "b c", "", "$HOME", "50%", `back\slash`, `"`, "'", ";", "#", "tab\there", "é"),
			`a "b c" "" $$HOME 50%% "back\\slash" "\"" "'" ";" "#" "tab\there" é`},
		{"word that is two lines", words("a\nb"), `"a\nb"`},
		{"word with a carriage return", words("a\r"), "has the control character U+000D, which a unit cannot hold"},

		{"command", command("node", "--x=1", "/srv/a b.js"), `node --x=1 "/srv/a b.js"`},
		{"command with a space", command("/opt/my node/bin/node"), `"/opt/my node/bin/node"`},
		{"command with a prefix", command("+/bin/sh"), `begins with "+", which systemd takes for a prefix of its own`},
		{"command in a folder", command("bin/node"), "is neither an absolute path nor a bare name"},
		{"command that is a folder", command("/bin/"), "is a folder, not a program"},
		{"command with a variable", command("/bin/$SHELL"), `has a quote, a backslash or a "$", which systemd does not take in the name of a program`},
		{"no command", command(""), "is empty"},

		{"variable", variable("A_1", "x"), "A_1=x"},
		{"variable with everything", variable("A", `a "b" 'c' \d 50% $HOME`), `"A=a \"b\" 'c' \\d 50%% $HOME"`},
		{"variable of two lines", variable("A", "1\n2"), `"A=1\n2"`},
		{"variable in a file", inFile("A", "a \"b\" 'c' \\d 50% $HOME `x`\n2"), "A=\"a \\\"b\\\" 'c' \\\\d 50% \\$HOME \\`x\\`\n2\""},
		{"variable in a file with a dash", inFile("A-B", ""), "is not a name systemd takes for a variable"},
		{"variable without a value", variable("A", ""), "A="},
		{"variable with a dash", variable("A-B", ""), "is not a name systemd takes for a variable"},
		{"variable that begins with a digit", variable("1A", ""), "is not a name systemd takes for a variable"},
		{"variable that is two", variable("A=1\nB", ""), "is not a name systemd takes for a variable"},

		{"output", output("/var/log/a.log", "", false), "append:/var/log/a.log"},
		{"output per instance", output("/var/log/50%", ".log", true), "append:/var/log/50%%-%i.log"},
		{"output that is relative", output("a", ".log", true), "is not an absolute path"},
		{"nowhere", func() (units.Value, error) { return units.Output(true, "", "", false) }, "null"},

		{"account", account("www-data"), "www-data"},
		{"account by number", account("1000"), "1000"},
		{"account with a space", account("a b"), "is not the name of an account"},
		{"account that begins with a digit", account("1a"), "is not the name of an account"},
		{"account with a long name", account(strings.Repeat("a", 32)), "is not the name of an account"},

		{"port", listen("3000"), "3000"},
		{"address", listen("127.0.0.1:80"), "127.0.0.1:80"},
		{"address in brackets", listen("[::1]:80"), "[::1]:80"},
		{"socket", listen("/run/a%b.sock"), "/run/a%%b.sock"},
		{"socket that is a folder", listen("/run/"), "is a folder, not a socket"},
		{"port 0", listen("0"), "is not a port, an address or a path"},
		{"port out of range", listen("65536"), "is not a port, an address or a path"},
		{"name of a host", listen("localhost:80"), "is not a port, an address or a path"},
		{"address without brackets", listen("::1:80"), "is not a port, an address or a path"},
		{"address with a zone", listen("[fe80::1%eth0]:80"), "is not a port, an address or a path"},
		{"port with a sign", listen("+80"), "is not a port, an address or a path"},
		{"socket with a long path", listen("/" + strings.Repeat("x", 107)), "is longer than the 107 bytes a socket's path may have"},

		{"name of a unit", func() (units.Value, error) { return units.Name("my-api") }, "my-api"},
		{"name that is none", func() (units.Value, error) { return units.Name("my api") }, "is not the name of a unit"},
		{"file with variables", envFile("-/srv/a b/50%.env"), "-/srv/a b/50%%.env"},
		{"file with variables that is relative", envFile("-a.env"), "is not an absolute path"},
		{"file beside a user's units", func() (units.Value, error) { return units.BesideUserUnits("a%.env") }, "%E/systemd/user/a%%.env"},
		{"log", logPattern("/var/log/a b", ".log", true), `"/var/log/a b-*.log"`},
		{"log with a star", logPattern("/var/log/*", ".log", false), "has a character that logrotate takes for more than itself"},
		{"field", func() (units.Value, error) { return units.Field("/srv/a b%") }, `"/srv/a b%%"`},
		{"number of the instance", func() (units.Value, error) { return units.InstanceVariable("N") }, "N=%i"},
		{"number of the instance in nothing", func() (units.Value, error) { return units.InstanceVariable("") }, "is not a name systemd takes for a variable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := tc.make()
			got := v.String()
			var refused *units.RefusedError
			if errors.As(err, &refused) {
				got = refused.Error()
			}
			if got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 2 * time.Second: "2s", 90 * time.Second: "90s", 1600 * time.Millisecond: "1600ms",
	} {
		if got := units.Span(d).String(); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := units.Number(-1).String(); got != "-1" {
		t.Errorf("got %s, want -1", got)
	}
}

// slot is a place for a value in a unit, and how systemd gets it out again.
type slot struct {
	key  string
	make func(string) (units.Value, error)
	read func(string) (string, error)
}

var slots = []slot{
	{"Description", units.Text, plain},
	{"WorkingDirectory", units.Path, plain},
	{"ExecStart", func(s string) (units.Value, error) { return units.Command("/bin/x", s) }, func(v string) (string, error) { return word(v, 1, true) }},
	{"ExecStop", func(s string) (units.Value, error) { return units.Command(s) }, func(v string) (string, error) { return word(v, 0, false) }},
	{"Environment", func(s string) (units.Value, error) { return units.Assignment("V", s) }, func(v string) (string, error) {
		w, err := word(v, 0, false)
		return strings.TrimPrefix(w, "V="), err
	}},
	{"StandardOutput", func(s string) (units.Value, error) { return units.Output(false, s, "", false) }, func(v string) (string, error) {
		p, err := plain(v)
		return strings.TrimPrefix(p, "append:"), err
	}},
	{"User", units.Account, plain},
	{"ListenStream", units.Listen, plain},
	{"X-Field", units.Field, func(v string) (string, error) { return word(v, 0, false) }},
}

// plain reads a value that systemd takes as it is.
func plain(v string) (string, error) { return verify.Expand(v, "0") }

// word reads the word n of a value, the last one it has.
func word(v string, n int, literal bool) (string, error) {
	words, err := verify.Words(v)
	if err != nil {
		return "", err
	}
	if len(words) != n+1 {
		return "", errors.New("another number of words")
	}
	w, err := verify.Expand(words[n], "0")
	if err == nil && literal {
		w, err = verify.Literal(w)
	}
	return w, err
}

// FuzzValue: whatever somebody writes, a unit with it in every place has the
// directives that it was given and no other, and systemd reads the same text.
func FuzzValue(f *testing.F) {
	for _, s := range []string{
		"", "a", "/srv/a b", "a\nExecStart=/bin/evil", "a\rUser=root", "a\x00User=root", `a\`, `a\\`, `\n`, `\x0a`, `"`, `'`, `a"b'c`, "%i", "%%", "$$", "${HOME}",
		";", "# a", "[Service]", "a\u2028b", "a\u0085b", " a", "a\t", "\v", "\xff", "my‑api", "/", "3000", "=", "/bin/sh -c", "@/bin/x", "a;b", "~",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := "[Unit]\nX-First=yes\n"
		var used []slot
		for _, slot := range slots {
			v, err := slot.make(s)
			if err != nil {
				continue
			}
			text += slot.key + "=" + v.String() + "\n"
			used = append(used, slot)
		}
		text += "X-Last=yes\n"
		got, err := verify.Parse(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(got) != len(used)+2 || got[len(got)-1] != (verify.Directive{Section: "Unit", Key: "X-Last", Value: "yes"}) {
			t.Fatalf("%d directives, want %d, in\n%s", len(got), len(used)+2, text)
		}
		for i, slot := range used {
			d := got[i+1]
			back, err := slot.read(d.Value)
			if d.Key != slot.key || d.Section != "Unit" || err != nil || back != s {
				t.Errorf("%s=%s reads as %q (%v), want %q", d.Key, d.Value, back, err, s)
			}
		}
		sameAsGoSystemd(t, text, len(got))
	})
}

// sameAsGoSystemd holds another reader of units against ours. It takes no line
// above 2048 bytes.
func sameAsGoSystemd(t *testing.T, text string, want int) {
	t.Helper()
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 2000 {
			return
		}
	}
	options, err := unit.DeserializeOptions(strings.NewReader(text))
	if err != nil || len(options) != want {
		t.Errorf("go-systemd reads %d directives (%v), want %d, in\n%s", len(options), err, want, text)
	}
}

func TestReference(t *testing.T) {
	for _, tc := range []struct{ text, name, want string }{
		{"a-b=", "X", "\"a-b=${X}\""},
		{"a $b%i=", "X", "\"a $$b%%i=${X}\""},
		{"a\n=", "X", `"a\n=${X}"`},
		{"a=", "X Y", "is not a name systemd takes for a variable"},
		{"a=\x00", "X", "has the control character U+0000, which a unit cannot hold"},
	} {
		v, err := units.Reference(tc.text, tc.name)
		got := v.String()
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}
