package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var (
	one     = []Choice{{App: "my-api", Instance: -1, Known: 1}}
	second  = []Choice{{App: "my-api", Instance: 1, Known: 4}}
	system  = Journal{}
	ofUsers = Journal{User: true, UID: 1000}
)

func TestMatches(t *testing.T) {
	tests := map[string]struct {
		journal Journal
		choices []Choice
		want    string
	}{
		"an app": {system, one, "_SYSTEMD_UNIT=my-api@0.service _SYSTEMD_UNIT=my-api@1.service _SYSTEMD_UNIT=my-api@2.service _SYSTEMD_UNIT=gopm-activator@my-api.service + " +
			"_PID=1 UNIT=my-api@0.service UNIT=my-api@1.service UNIT=my-api@2.service UNIT=gopm-activator@my-api.service"},
		"a worker": {system, second, "_SYSTEMD_UNIT=my-api@1.service _SYSTEMD_UNIT=gopm-activator@my-api.service + " +
			"_PID=1 UNIT=my-api@1.service UNIT=gopm-activator@my-api.service"},
		"a user's": {ofUsers, second, "_SYSTEMD_USER_UNIT=my-api@1.service _SYSTEMD_USER_UNIT=gopm-activator@my-api.service _UID=1000 + " +
			"_UID=1000 USER_UNIT=my-api@1.service USER_UNIT=gopm-activator@my-api.service"},
	}
	for name, test := range tests {
		if got := strings.Join(test.journal.matches(test.choices), " "); got != test.want {
			t.Errorf("%s: matches are %s\nwant %s", name, got, test.want)
		}
	}
}

// Who has said what, in entries as journalctl prints them.
func TestEntries(t *testing.T) {
	line := func(instance int, stream Stream, texts ...string) (lines []Line) {
		for _, text := range texts {
			lines = append(lines, Line{At: time.UnixMicro(1700000000000001), App: "my-api", Instance: instance, Stream: stream, Text: text})
		}
		return lines
	}
	tests := map[string]struct {
		journal Journal
		choices []Choice
		fields  string
		want    []Line
	}{
		"out":            {system, one, `"MESSAGE":"hello","PRIORITY":"6","_SYSTEMD_UNIT":"my-api@0.service","_COMM":"node"`, line(0, Out, "hello")},
		"err":            {system, one, `"MESSAGE":"oh","PRIORITY":"4","_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Err, "oh")},
		"no priority":    {system, one, `"MESSAGE":"oh","_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Out, "oh")},
		"several lines":  {system, one, `"MESSAGE":"a\r\nb\n","_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Out, "a", "b")},
		"bytes":          {system, one, `"MESSAGE":[27,91,51,49,109,255,10],"_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Out, "\x1b[31m\xff")},
		"twice":          {system, one, `"MESSAGE":["a","b"],"_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Out, "a")},
		"null":           {system, one, `"MESSAGE":null,"_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Out, "")},
		"activator":      {system, one, `"MESSAGE":"ready","PRIORITY":"3","_SYSTEMD_UNIT":"gopm-activator@my-api.service"`, line(-1, Activator, "ready")},
		"of an instance": {system, one, `"MESSAGE":"ready","GOPM_INSTANCE":"3","_SYSTEMD_UNIT":"gopm-activator@my-api.service"`, line(3, Activator, "ready")},
		"drain":          {system, one, `"MESSAGE":"slow","_COMM":"gopm-activator","_SYSTEMD_UNIT":"my-api@1.service"`, line(1, Activator, "slow")},
		"systemd":        {system, one, `"MESSAGE":"Started","_PID":"1","_COMM":"systemd","_SYSTEMD_UNIT":"init.scope","UNIT":"my-api@0.service"`, line(0, Systemd, "Started")},
		"forged":         {system, one, `"MESSAGE":"Started","_PID":"4711","_SYSTEMD_UNIT":"other.service","UNIT":"my-api@0.service"`, nil},
		"its target":     {system, one, `"MESSAGE":"Started","_PID":"1","UNIT":"my-api.target"`, nil},
		"another app":    {system, one, `"MESSAGE":"x","_SYSTEMD_UNIT":"web@0.service"`, nil},
		"another worker": {system, second, `"MESSAGE":"x","_SYSTEMD_UNIT":"my-api@0.service"`, nil},
		"about another":  {system, second, `"MESSAGE":"x","GOPM_INSTANCE":"0","_SYSTEMD_UNIT":"gopm-activator@my-api.service"`, nil},
		"about a worker": {system, second, `"MESSAGE":"x","GOPM_INSTANCE":"1","_SYSTEMD_UNIT":"gopm-activator@my-api.service"`, line(1, Activator, "x")},
		"a user's":       {ofUsers, one, `"MESSAGE":"x","_SYSTEMD_UNIT":"user@1000.service","_SYSTEMD_USER_UNIT":"my-api@0.service"`, line(0, Out, "x")},
		"their systemd":  {ofUsers, one, `"MESSAGE":"x","_PID":"99","_COMM":"systemd","_SYSTEMD_USER_UNIT":"init.scope","USER_UNIT":"my-api@0.service"`, line(0, Systemd, "x")},
		"not the user's": {ofUsers, one, `"MESSAGE":"x","_SYSTEMD_UNIT":"my-api@0.service"`, nil},
	}
	for name, test := range tests {
		e, err := parseEntry([]byte(`{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1700000000000001",` + test.fields + `}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := test.journal.lines(e, test.choices); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: lines are %+v\nwant %+v", name, got, test.want)
		}
	}
}

func TestLogFiles(t *testing.T) {
	host := fstest.MapFS{}
	for name, text := range map[string]string{
		"usr/lib/systemd/system/my-api@.service":                 "[Service]\nStandardOutput=append:/old.log\n",
		"etc/systemd/system/my-api@.service":                     "[Service]\nStandardOutput=append:/var/log/my api/out-%i.log\nStandardError=journal\n",
		"etc/systemd/system/my-api@.service.d/50-log.conf":       "[Service]\nStandardError = append:/var/log/100%%.log\n",
		"usr/lib/systemd/system/my-api@.service.d/50-log.conf":   "[Service]\nStandardError=append:/never\n",
		"etc/systemd/system/my-api@1.service.d/60-one.conf":      "[Service]\nStandardOutput=journal\n",
		"usr/lib/systemd/system/web@.service":                    "[Service]\nStandardOutput=append:/var/log/web.log\n",
		"usr/lib/systemd/system/quiet@.service":                  "[Service]\nStandardOutput=null\n",
		"usr/lib/systemd/system/plain@.service":                  "[Service]\nExecStart=x\n",
		"usr/lib/systemd/system/twice@.service":                  "[Service]\nStandardOutput=append:/a.log\nStandardError=append:/a.log\n",
		"usr/lib/systemd/system/gopm-activator@my-api.service.d": "",
	} {
		host[name] = &fstest.MapFile{Data: []byte(text)}
	}
	folders := []string{"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"}
	var got []string
	for _, app := range []string{"my-api", "web", "quiet", "plain", "twice", "none"} {
		for _, f := range (Reader{Host: host, Folders: folders}).logFiles([]Choice{{App: app, Instance: -1, Known: 2}}) {
			got = append(got, fmt.Sprint(f.path, " ", f.line.App, f.line.Instance, f.line.Stream))
		}
	}
	want := []string{
		"/var/log/my api/out-0.log my-api0out", "/var/log/100%.log my-api-1err",
		"/var/log/web.log web-1out", "/a.log twice-1out",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("files are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A file is cut short, replaced, taken away and put back while it is followed.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	f := &file{path: path}
	defer f.close()
	write := func(how int, text string) {
		t.Helper()
		to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
		if err == nil {
			_, err = to.WriteString(text)
			to.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wants := func(what string, want ...string) {
		t.Helper()
		if got, err := f.more(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %q, %v; want %q", what, got, err, want)
		}
	}
	all := func(string) bool { return true }
	if got, err := f.last(10, all); err != nil || got != nil {
		t.Errorf("a file that is not there has %q, %v", got, err)
	}
	write(0, "early\n")
	wants("it is there now", "early")
	wants("nothing")
	write(os.O_APPEND, "half")
	wants("half a line")
	write(os.O_APPEND, " a line\nand\n")
	wants("the rest", "half a line", "and")
	write(os.O_TRUNC, "cut\n")
	wants("copytruncate", "cut")
	write(os.O_APPEND, "last\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	wants("renamed, and no other is there", "last")
	write(0, "new\n")
	wants("another file", "new")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wants("removed")
	write(0, "back\n")
	wants("back again", "back")
}

func TestLastLinesOfAFile(t *testing.T) {
	numbered := func(from, to int) (lines []string) {
		for i := from; i <= to; i++ {
			lines = append(lines, fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%300)))
		}
		return lines
	}
	tests := map[string]struct {
		text string
		n    int
		keep func(string) bool
		want []string
		rest string
	}{
		"empty":       {"", 3, nil, nil, ""},
		"fewer":       {"a\nb\n", 3, nil, []string{"a", "b"}, ""},
		"more":        {"a\nb\nc\nd\n", 3, nil, []string{"b", "c", "d"}, ""},
		"none":        {"a\n", 0, nil, nil, ""},
		"empty lines": {"\n\na\n\n", 3, nil, []string{"", "a", ""}, ""},
		"half, none":  {"a\nb", 0, nil, nil, "b"},
		"no newline":  {"a\nb", 3, nil, []string{"a"}, "b"},
		"one piece":   {"abc", 3, nil, nil, "abc"},
		"many blocks": {strings.Join(numbered(0, 5000), "\n") + "\n", 3000, nil, numbered(2001, 5000), ""},
		"long lines":  {strings.Repeat("y", 3*block) + "\n" + strings.Repeat("z", 2*block) + "\n", 2, nil, []string{strings.Repeat("y", 3*block), strings.Repeat("z", 2*block)}, ""},
		"some": {strings.Join(numbered(0, 5000), "\n") + "\n", 2, func(s string) bool { return strings.HasPrefix(s, "line 1 ") || strings.HasPrefix(s, "line 4000 ") },
			[]string{numbered(1, 1)[0], numbered(4000, 4000)[0]}, ""},
	}
	for name, test := range tests {
		path := filepath.Join(t.TempDir(), "out.log")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if test.keep == nil {
			test.keep = func(string) bool { return true }
		}
		f := &file{path: path}
		got, err := f.last(test.n, test.keep)
		if err != nil || !reflect.DeepEqual(got, test.want) || string(f.rest) != test.rest {
			t.Errorf("%s: read %.200q and %q, %v; want %.200q and %q", name, got, f.rest, err, test.want, test.rest)
		}
		f.close()
	}
}

func TestPrint(t *testing.T) {
	at := time.Date(2026, 11, 21, 17, 0, 1, 2e6, time.Local)
	lines := []Line{
		{At: at, App: "my-api", Instance: 0, Stream: Out, Text: "GET /users <200>"},
		{App: "web", Instance: -1, Stream: Err, Text: "no such user\x1b[31m red\x1b[2J"},
		{At: at, App: "web", Instance: 3, Stream: Activator, Text: "web@3.service is ready"},
	}
	utc := at.UTC().Format(time.RFC3339Nano)
	tests := map[string]struct {
		printer Printer
		want    string
	}{
		"plain": {Printer{Width: 6}, "0|my-api | GET /users <200>\n-|web    | no such user\x1b[31m red\x1b[2J\ngopm|web    | web@3.service is ready\n"},
		"raw":   {Printer{Raw: true}, "GET /users <200>\nno such user\x1b[31m red\x1b[2J\nweb@3.service is ready\n"},
		"JSON": {Printer{JSON: true}, `{"message":"GET /users <200>","timestamp":"` + utc + `","type":"out","process_id":0,"app_name":"my-api"}` + "\n" +
			`{"message":"no such user\u001b[31m red\u001b[2J","type":"err","process_id":null,"app_name":"web"}` + "\n" +
			`{"message":"web@3.service is ready","timestamp":"` + utc + `","type":"gopm","process_id":3,"app_name":"web"}` + "\n"},
		"times": {Printer{Times: true}, "2026-11-21T17:00:01.002 0|my-api | GET /users <200>\n" +
			"                        -|web | no such user\x1b[31m red\x1b[2J\n2026-11-21T17:00:01.002 gopm|web | web@3.service is ready\n"},
		"terminal": {Printer{Terminal: true}, "0|my-api | GET /users <200>\n-|web | no such user red?[2J\ngopm|web | web@3.service is ready\n"},
		"colours": {Printer{Terminal: true, Colour: true, Highlight: regexp.MustCompile("user|$")},
			"\x1b[32m0|my-api | \x1b[0mGET /\x1b[7muser\x1b[0ms <200>\n\x1b[31m-|web | \x1b[0mno such \x1b[7muser\x1b[0m\x1b[31m red?[2J\x1b[0m\n\x1b[36mgopm|web | \x1b[0mweb@3.service is ready\n"},
	}
	for name, test := range tests {
		var out bytes.Buffer
		test.printer.Out = &out
		for _, line := range lines {
			if err := test.printer.Print(line); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != test.want {
			t.Errorf("%s: prints\n%q\nwant\n%q", name, out.String(), test.want)
		}
	}
}
