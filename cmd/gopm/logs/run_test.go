package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gopm/gopm/activator/control"
)

// stays is in place of the end of a run that goes on until who asks has gone.
var stays = control.Answer{Progress: "and so on"}

// running is a gopm run that has units, and answers who asks for lines; it returns its
// folder. asked is what was asked for.
func running(t *testing.T, units []control.Unit, answers []control.Answer) (folder string, asked func() control.Hello) {
	t.Helper()
	folder = t.TempDir()
	fd, err := control.Listen(control.Manager{Runtime: folder}.Own().Path)
	if err != nil {
		t.Fatal(err)
	}
	server, err := control.NewServer(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	var mu sync.Mutex
	var last control.Hello
	go server.Serve(nil, func(c *control.Client) {
		defer c.Conn.Close()
		hello, err := c.ReadHello()
		if err != nil {
			t.Error(err)
		}
		list := answers
		if hello.Verb == control.Units {
			list = nil
			for _, u := range units {
				list = append(list, control.Answer{Unit: &u})
			}
		} else {
			mu.Lock()
			last = hello
			mu.Unlock()
		}
		for _, answer := range append(slices.Clone(list), control.Last(nil, false)) {
			if answer.Progress != "" {
				_, _ = io.Copy(io.Discard, c.Conn)
				return
			}
			_, _ = c.Conn.Write(control.Line(answer)) // who asks may have gone
		}
	})
	return folder, func() control.Hello {
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}

var moment = time.Date(2026, 11, 21, 12, 0, 0, 123e6, time.UTC)

// says is an answer such as "out my-api/0 text", after so many that were missed.
func says(text string, missed uint64) control.Answer {
	var said control.Said
	kind, rest, _ := strings.Cut(text, " ")
	of, text, _ := strings.Cut(rest, " ")
	if n, err := fmt.Sscanf(strings.ReplaceAll(of, "/", " "), "%s %d", &said.App, &said.Instance); n != 2 {
		panic(err)
	}
	said.At, said.Kind, said.Text, said.Missed = moment, kind, []byte(text), missed
	return control.Answer{Said: &said}
}

func TestReadRun(t *testing.T) {
	answers := []control.Answer{
		says("out my-api/0 old", 7), says("err my-api/1 oh\xff\r", 0), says("out web/0 hi", 0), says("process my-api/-1 a\nb", 0),
		{Now: true},
		says("out web/0 more", 3), says("out my-api/1 new", 2),
	}
	all := func(Line) bool { return true }
	tests := []struct {
		name    string
		choices []Choice
		lines   int
		once    bool
		keep    func(Line) bool
		want    string
		missed  string
		asked   control.Hello
	}{
		{name: "an app", choices: []Choice{{App: "my-api", Instance: -1}}, lines: 10, keep: all,
			want: "my-api 0 out old, my-api 1 err oh\xff, my-api -1 gopm a, my-api -1 gopm b, my-api 1 out new", missed: "2 lines of my-api are missing: they came faster than they were read",
			asked: control.Hello{Verb: control.Logs, Unit: "my-api.target", Kept: true, Follow: true}},
		{name: "the last", choices: []Choice{{App: "my-api", Instance: -1}}, lines: 2, once: true, keep: all,
			want: "my-api -1 gopm a, my-api -1 gopm b", asked: control.Hello{Verb: control.Logs, Unit: "my-api.target", Kept: true}},
		{name: "the last that are wanted", choices: []Choice{{App: "my-api", Instance: -1}}, lines: 1, once: true, keep: func(l Line) bool { return l.Stream == Err },
			want: "my-api 1 err oh\xff", asked: control.Hello{Verb: control.Logs, Unit: "my-api.target", Kept: true}},
		{name: "a worker", choices: []Choice{{App: "my-api", Instance: 1}}, lines: 10, keep: all,
			want: "my-api 1 err oh\xff, my-api 1 out new", missed: "2 lines of my-api are missing: they came faster than they were read",
			asked: control.Hello{Verb: control.Logs, Unit: "my-api.target", Kept: true, Follow: true}},
		{name: "what comes", choices: []Choice{{App: "web", Instance: -1}, {App: "other", Instance: -1}}, keep: all,
			want: "web 0 out more", missed: "3 lines of web are missing: they came faster than they were read",
			asked: control.Hello{Verb: control.Logs, Follow: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent := answers
			if test.lines == 0 {
				sent = answers[4:]
			}
			if test.once {
				sent = answers[:5]
			}
			folder, asked := running(t, nil, sent)
			for i := range test.choices {
				test.choices[i].Run = folder
			}
			var got, missed []string
			err := Reader{Tick: time.Hour}.Read(t.Context(), Query{
				Choices: test.choices, Lines: test.lines, Follow: !test.once, Keep: test.keep,
				Miss: func(err error) { missed = append(missed, err.Error()) },
			}, func(l Line) {
				got = append(got, l.App+" "+l.said())
				if !l.At.Equal(moment) || l.Run != folder {
					t.Errorf("the line %+v is not of then and there", l)
				}
			})
			if err != nil || strings.Join(got, ", ") != test.want {
				t.Errorf("it reads %q, %v; want %q", got, err, test.want)
			}
			want := []string{test.missed, "the gopm run of " + folder + " has ended"}
			if test.once {
				want = nil
			}
			if !slices.Equal(missed, want) {
				t.Errorf("it misses %q, want %q", missed, want)
			}
			if got := asked(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.asked) {
				t.Errorf("it asks for %+v, want %+v", got, test.asked)
			}
		})
	}
}

// An app of systemd and one of a run, of the same name, are both there; and the end of
// the run, whose files are read to their end, is not that of the journal.
func TestReadBoth(t *testing.T) {
	log := t.TempDir() + "/out-0.log"
	if err := os.WriteFile(log, []byte("filed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, _ := running(t, []control.Unit{{Name: "my-api.target", Output: "append:" + strings.Replace(log, "0", "%i", 1), Errors: "journal"}},
		[]control.Answer{says("err my-api/0 of the run", 0), {Now: true}, says("err my-api/0 more of it", 0)})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	hear := func(text string) {
		if got = append(got, text); len(got) == 7 {
			cancel()
		}
	}
	reader := Reader{Journalctl: printing([]string{entryOf("of systemd")}, "echo '"+entryOf("more of that")+"'; exec sleep 100"), Host: fstest.MapFS{}, Tick: time.Hour}
	err := reader.Read(ctx, Query{
		Choices: append(slices.Clone(one), Choice{App: "my-api", Run: folder, Instance: -1, Known: 1}), Lines: 3, Follow: true,
		Keep: func(Line) bool { return true },
		Miss: func(err error) { hear(err.Error()) },
	}, func(l Line) {
		hear(l.said())
		if l.Text == "of the run" {
			if err := os.WriteFile(log, []byte("filed\nand more\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	if len(got) > 3 {
		slices.Sort(got[3:]) // they come in any order
	}
	want := []string{"0 out of systemd", "0 out filed", "0 err of the run",
		"0 err more of it", "0 out and more", "0 out more of that", "the gopm run of " + folder + " has ended"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("it reads %q, %v; want %q", got, err, want)
	}
}

func TestReadRunFails(t *testing.T) {
	gone := t.TempDir()
	denied, _ := running(t, nil, []control.Answer{{Error: "denied: this gopm run is uid 1's, not uid 2's", Denied: true}})
	for folder, want := range map[string]string{
		gone:   "reach the gopm run: dial unix " + gone + "/run.sock: connect: no such file or directory",
		denied: "denied: this gopm run is uid 1's, not uid 2's",
	} {
		err := Reader{Tick: time.Hour}.Read(t.Context(), Query{
			Choices: []Choice{{App: "x", Run: folder, Instance: -1}}, Lines: 1, Keep: func(Line) bool { return true },
		}, func(Line) {})
		if missed := readOr(t, folder); missed != "read logs of the gopm run of "+folder+": "+want {
			t.Errorf("beside another it misses %s", missed)
		}
		if want = "read logs of the gopm run of " + folder + ": " + want; err == nil || err.Error() != want {
			t.Errorf("it fails with %v, want %s", err, want)
		}
	}
}

// The end of the journal's reading is that of the run's, which goes on.
func TestReadBothFails(t *testing.T) {
	folder, _ := running(t, nil, []control.Answer{{Now: true}, stays})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	err := Reader{Journalctl: printing([]string{entryOf("a")}, "echo rotated too often >&2; exit 1"), Host: fstest.MapFS{}, Tick: time.Hour}.Read(ctx, Query{
		Choices: append(slices.Clone(one), Choice{App: "x", Run: folder, Instance: -1}), Lines: 1, Follow: true,
		Keep: func(Line) bool { return true }, Miss: func(err error) { got = append(got, err.Error()) },
	}, func(l Line) { got = append(got, l.said()) })
	if want := "run journalctl: exit status 1: rotated too often"; err == nil || err.Error() != want || !slices.Equal(got, []string{"0 out a"}) {
		t.Errorf("it reads %q, and fails with %v, want %s", got, err, want)
	}
}

// readOr is what is missed of a run beside the journal, which has a line.
func readOr(t *testing.T, folder string) string {
	t.Helper()
	missed, got := "", ""
	err := Reader{Journalctl: printing([]string{entryOf("x")}, ""), Host: fstest.MapFS{}, Tick: time.Hour}.Read(t.Context(), Query{
		Choices: append(slices.Clone(one), Choice{App: "x", Run: folder, Instance: -1}), Lines: 1,
		Keep: func(Line) bool { return true }, Miss: func(err error) { missed += err.Error() },
	}, func(l Line) { got += l.said() })
	if err != nil || got != "0 out x" {
		t.Errorf("beside a run that fails there is %q, %v", got, err)
	}
	return missed
}
