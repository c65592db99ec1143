package runner

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tailsOf are those of some apps.
func tailsOf(names ...string) *tails {
	var apps []*app
	for _, name := range names {
		apps = append(apps, &app{name: name})
	}
	return newTails(apps)
}

// say adds lines such as "x a", of the app x.
func (t *tails) say(lines ...string) {
	for _, line := range lines {
		app, text, _ := strings.Cut(line, " ")
		t.add(Line{App: app, Kind: Out, Text: []byte(text)})
	}
}

// reads is what a reader takes until there is no more, such as "x a", and "x a (2)"
// where two were missed before it.
func (r *reader) reads() []string {
	var out []string
	for {
		lines, some := r.take()
		for _, line := range lines {
			text := fmt.Sprintf("%s %s", line.App, line.Text)
			if line.missed > 0 {
				text += fmt.Sprintf(" (%d)", line.missed)
			}
			out = append(out, text)
		}
		if some != nil {
			return out
		}
	}
}

func TestTails(t *testing.T) {
	numbered := func(app string, from, to int) []string {
		var out []string
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf("%s %d", app, i))
		}
		return out
	}
	long := strings.Repeat("l", MaxLine)
	tests := map[string]struct {
		before    []string
		app       string
		kept      bool
		after     []string
		want      []string
		wantOfOld []string // of one who began before everything
	}{
		"nothing":        {app: "x", kept: true},
		"in their order": {before: []string{"x a", "y b", "x c"}, kept: true, after: []string{"y d"}, want: []string{"x a", "y b", "x c", "y d"}, wantOfOld: []string{"x a", "y b", "x c", "y d"}},
		"of one":         {before: []string{"x a", "y b", "x c"}, app: "x", kept: true, after: []string{"y d", "x e"}, want: []string{"x a", "x c", "x e"}, wantOfOld: []string{"x a", "y b", "x c", "y d", "x e"}},
		"what comes":     {before: []string{"x a"}, after: []string{"x b"}, want: []string{"x b"}, wantOfOld: []string{"x a", "x b"}},
		"of none":        {before: []string{"z a"}, kept: true},
		"many": {before: append([]string{"y a"}, numbered("x", 0, mostKept+7)...), kept: true,
			want:      append([]string{"y a"}, numbered("x", 7, mostKept+7)...),
			wantOfOld: append([]string{"y a", "x 7 (7)"}, numbered("x", 8, mostKept+7)...)},
		"long ones": {before: slices.Concat(numbered("x", 0, 5), slices.Repeat([]string{"x " + long}, mostKeptBytes/MaxLine)), kept: true,
			want:      slices.Repeat([]string{"x " + long}, mostKeptBytes/MaxLine),
			wantOfOld: append([]string{"x " + long + " (5)"}, slices.Repeat([]string{"x " + long}, mostKeptBytes/MaxLine-1)...)},
		"more than anything": {before: []string{"x a", "x " + strings.Repeat("m", 2*mostKeptBytes)}, kept: true, after: []string{"x b"},
			want: []string{"x b (1)"}, wantOfOld: []string{"x b (2)"}},
	}
	for name, test := range tests {
		tails := tailsOf("x", "y")
		old, err := tails.reader("", true)
		if err != nil {
			t.Fatal(err)
		}
		tails.say(test.before...)
		r, err := tails.reader(test.app, test.kept)
		if err != nil {
			t.Fatal(err)
		}
		tails.say(test.after...)
		if got := r.reads(); !slices.Equal(got, test.want) {
			t.Errorf("%s: it reads %.200q, want %.200q", name, got, test.want)
		}
		if got := old.reads(); !slices.Equal(got, test.wantOfOld) {
			t.Errorf("%s: who began before reads %.200q, want %.200q", name, got, test.wantOfOld)
		}
	}
}

// Memory has a bound, whatever is said and whoever reads.
func TestTailBound(t *testing.T) {
	tails := tailsOf("x")
	r, err := tails.reader("", true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for i := range 4 * mostKept {
		tails.say("x " + strings.Repeat("y", i%300))
		of := tails.of["x"]
		total := 0
		for _, slot := range of.ring {
			total += len(slot.Text)
		}
		if total != of.bytes || total > mostKeptBytes || len(of.ring) > mostKept {
			t.Fatalf("after %d lines there are %d bytes, counted as %d, in %d slots", i+1, total, of.bytes, len(of.ring))
		}
	}
}

// Those who read do not keep out those who steer.
func TestTailReaders(t *testing.T) {
	tails := tailsOf("x")
	var all []*reader
	for range mostTold {
		r, err := tails.reader("", true)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if _, err := tails.reader("", true); err == nil || err.Error() != "64 read the logs of this gopm run already" {
		t.Errorf("one more is told %v", err)
	}
	for _, r := range all {
		r.close()
	}
	tails.close()
	if _, err := tails.reader("", true); err == nil || err.Error() != "this gopm run is about to end" {
		t.Errorf("at the end one is told %v", err)
	}
}
