package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/runner"
)

func TestFormat(t *testing.T) {
	at := time.Date(2026, 11, 21, 16, 0, 0, 7e6, time.FixedZone("", 3600))
	out := runner.Line{At: at, App: "my-api", Instance: 3, Kind: runner.Out, Text: []byte("a <b> \"c\"\xff\r")}
	err := runner.Line{At: at, App: "my-api", Instance: 0, Kind: runner.Err, Text: []byte("no")}
	own := runner.Line{At: at, App: "my-api", Instance: -1, Kind: runner.Process, Text: []byte("reload: done")}
	none := runner.Line{At: at, Instance: -1, Kind: runner.Process, Text: []byte("hello")}
	for _, test := range []struct {
		style style
		line  runner.Line
		want  string
	}{
		{style{width: 10}, out, "3|my-api   | a <b> \"c\"\uFFFD\n"},
		{style{width: 10}, err, "0|my-api   | no\n"},
		{style{width: 10}, own, "gopm       | reload: done\n"},
		{style{width: 4}, out, "3|my-api | a <b> \"c\"\uFFFD\n"},
		{style{width: 10, colour: true}, out, "\x1b[32m3|my-api   |\x1b[m a <b> \"c\"\uFFFD\n"},
		{style{width: 10, colour: true}, err, "\x1b[31m0|my-api   |\x1b[m no\n"},
		{style{width: 10, colour: true}, none, "\x1b[36mgopm       |\x1b[m hello\n"},
		{style{raw: true}, out, "a <b> \"c\"\xff\r\n"},
		{style{raw: true, width: 8}, own, "gopm     | reload: done\n"},
		{style{json: true}, out, `{"message":"a <b> \"c\"�","timestamp":"2026-11-21T15:00:00.007Z","type":"out","process_id":3,"app_name":"my-api"}` + "\n"},
		{style{json: true}, err, `{"message":"no","timestamp":"2026-11-21T15:00:00.007Z","type":"err","process_id":0,"app_name":"my-api"}` + "\n"},
		{style{json: true}, own, `{"message":"reload: done","timestamp":"2026-11-21T15:00:00.007Z","type":"process","app_name":"my-api"}` + "\n"},
		{style{json: true}, none, `{"message":"hello","timestamp":"2026-11-21T15:00:00.007Z","type":"process"}` + "\n"},
	} {
		line := test.line
		line.Text = bytes.Clone(line.Text)
		if got := string(test.style.format(line)); got != test.want {
			t.Errorf("%+v: %s is printed as\n%q, want\n%q", test.style, line.Text, got, test.want)
		}
	}
}

func line(text string) runner.Line {
	return runner.Line{At: time.Now(), App: "x", Kind: runner.Out, Text: []byte(text)}
}

// TestSlowReader: who does not read holds nobody up, and hears how much was lost.
func TestSlowReader(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := newPrinter(write, io.Discard, style{raw: true})
	long := strings.Repeat("x", runner.MaxLine-1)
	// Twice what may wait: one part is being written, one waits, and the rest is lost.
	const lines = 4 * mostPending / runner.MaxLine
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range lines {
			p.print(line(long))
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("lines that nobody reads hold their app up")
	}
	var text []byte
	go func() {
		p.close()
		write.Close()
	}()
	if text, err = io.ReadAll(read); err != nil {
		t.Fatal(err)
	}
	kept := strings.Count(string(text), long)
	if kept < mostPending/runner.MaxLine || kept >= lines {
		t.Errorf("%d of %d lines were kept", kept, lines)
	}
	if !strings.Contains(string(text), " lines were lost: standard output did not take them in time\n") {
		t.Errorf("nothing tells of %d lines that were lost", lines-kept)
	}
}

// broken is an output that nobody reads.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestBrokenReader(t *testing.T) {
	var errs bytes.Buffer
	p := newPrinter(broken{}, &errs, style{})
	p.print(line("one"))
	<-p.done
	p.print(line("two"))
	p.close()
	if got, want := errs.String(), "gopm: warning: write to standard output: broken pipe; the apps go on, and their lines are lost\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
