package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
)

// asks asks a stand for lines until the test ends.
func (s *stand) asks(target string, kept, follow bool) *control.Lines {
	s.t.Helper()
	lines, err := control.AskLines(s.t.Context(), s.client().At, target, kept, follow)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(lines.Close)
	return lines
}

// hears is what comes until one line, or the end; "now" is between what was kept and
// what comes. The run's own lines are left out.
func (s *stand) hears(lines *control.Lines, last string) []string {
	s.t.Helper()
	var out []string
	for {
		said, err := lines.Next()
		text := "now"
		switch {
		case errors.Is(err, io.EOF):
			text = "end"
		case err != nil:
			s.t.Fatal(err)
		case said != nil && said.Kind == string(Process):
			continue
		case said != nil:
			text = fmt.Sprintf("%s %s/%d %s", said.Kind, said.App, said.Instance, said.Text)
		}
		out = append(out, text)
		if text == last || text == "end" {
			return out
		}
	}
}

// What an app says is told as it is, byte by byte, to who comes before it and after.
func TestTell(t *testing.T) {
	dir := t.TempDir()
	s := start(t, script(`cd `+dir+`; printf 'a\377b\n'; echo no >&2; head -c 20000 /dev/zero | tr '\0' x; echo; until [ -e go ]; do sleep 0.01; done; printf more; touch gone; exec sleep 1000`, ""))
	long := "out x/0 " + strings.Repeat("x", 20000-MaxLine)
	s.until(long, 1)
	s.until("err x/0 no", 1)
	before := []string{"err x/0 no", "out x/0 " + strings.Repeat("x", MaxLine), "out x/0 a\xffb", long}
	slices.Sort(before)
	check := func(what string, got, want []string) {
		t.Helper()
		if len(got) > len(before) {
			slices.Sort(got[:len(before)]) // of two streams
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: there is %.300q, want %.300q", what, got, want)
		}
	}
	check("what is kept", s.hears(s.asks("x.target", true, false), "end"), append(slices.Clone(before), "now", "end"))
	follower, later := s.asks("", true, true), s.asks("x.target", false, true)
	check("followed", s.hears(follower, "now"), append(slices.Clone(before), "now"))
	check("from now on", s.hears(later, "now"), []string{"now"})
	check("nothing", s.hears(s.asks("", false, false), "end"), []string{"now", "end"})
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "a line without an end", func() bool {
		_, err := os.Stat(filepath.Join(dir, "gone"))
		return err == nil
	})
	// A line without an end is one when its stream ends, and the last of a run.
	s.stop()
	for _, lines := range []*control.Lines{follower, later} {
		if got, want := s.hears(lines, "end"), []string{"out x/0 more", "end"}; !slices.Equal(got, want) {
			t.Errorf("at the end there is %q, want %q", got, want)
		}
	}
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// Who does not read holds nobody up, and learns how much he has missed; who has gone
// is forgotten.
func TestTellTheSlow(t *testing.T) {
	const many = 50000
	dir := t.TempDir()
	s := start(t, script(fmt.Sprintf(`until [ -e %s/go ]; do sleep 0.01; done; seq %d; echo done; exec sleep 1000`, dir, many), ""))
	slow, dead := s.asks("x.target", true, true), s.asks("x.target", true, true)
	s.hears(slow, "now")
	s.hears(dead, "now")
	if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.until("out x/0 done", 1) // though nobody has read
	read, missed := uint64(0), uint64(0)
	for {
		said, err := slow.Next()
		if err != nil {
			t.Fatal(err)
		}
		missed += said.Missed
		if string(said.Text) == "done" {
			break
		}
		if read++; string(said.Text) != fmt.Sprint(read+missed) {
			t.Fatalf("after %d lines read and %d missed comes %q", read-1, missed, said.Text)
		}
	}
	if read+missed != many || missed == 0 {
		t.Errorf("of %d lines %d were read and %d missed", many, read, missed)
	}
	for range 2 * mostTold {
		s.asks("", false, true).Close()
	}
	await(t, "those who have gone are forgotten", func() bool {
		_, err := s.asks("", false, true).Next()
		return err == nil
	})
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("with one who does not read it ends with %q", got)
	}
}

// What goes to a file is there, and not with the run, unless it cannot be written.
func TestTellOfFiles(t *testing.T) {
	dir := t.TempDir()
	s := start(t, script("echo hi; echo no >&2; exec sleep 1000", "StandardOutput=append:"+dir+"/out-%i.log\nStandardError=append:"+dir+"/out-0.log/none"))
	s.until("out x/0 hi", 1)
	s.until("err x/0 no", 1)
	if got, want := s.hears(s.asks("", true, false), "end"), []string{"err x/0 no", "now", "end"}; !slices.Equal(got, want) {
		t.Errorf("the run tells %q, want %q", got, want)
	}
	all, err := control.AskUnits(t.Context(), s.client().At)
	if err != nil {
		t.Fatal(err)
	}
	if got := all[0]; got.Output != "append:"+dir+"/out-%i.log" || got.Errors != "append:"+dir+"/out-0.log/none" {
		t.Errorf("it says that its files are %q and %q", got.Output, got.Errors)
	}
	if text, err := os.ReadFile(dir + "/out-0.log"); err != nil || string(text) != "hi\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
