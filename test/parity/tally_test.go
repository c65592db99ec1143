//go:build tally

// go test -tags=tally -run TestFiles -v ./test/parity -files DIR
package parity

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var folder = flag.String("files", ".", "a folder of folders, each with an ecosystem file and .entry, which names it")

// entry names the ecosystem file of a folder, with flags for both readers.
const entry = ".entry"

// TestFiles tallies how many files of -files PM2 loads, gopm converts, and both
// read alike. It says so of each, and fails on none: what a file of somebody
// else contains is no promise of ours.
func TestFiles(t *testing.T) {
	entries, err := filepath.Glob(filepath.Join(*folder, "*", entry))
	if err != nil || len(entries) == 0 {
		t.Fatalf("find %s: %v, %d found", entry, err, len(entries))
	}
	x := newTools(t)
	var loads, converts, both, alike int
	for _, name := range entries {
		dir := filepath.Dir(name)
		line, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(string(line))
		theirs, err := x.asPM2(t.Context(), dir, args[0], args[1:]...)
		if err != nil {
			t.Error(dir, err)
			continue
		}
		ours, err := x.asGopm(t.Context(), dir, args...)
		if err != nil {
			t.Error(dir, err)
			continue
		}
		id := filepath.Base(dir)
		if theirs.Error == "" {
			loads++
		} else {
			t.Logf("%s pm2: %s", id, firstLine(theirs.Error))
		}
		if ours.Error == "" {
			converts++
		} else {
			t.Logf("%s gopm: %s", id, ours.Error)
		}
		for key := range theirs.Left {
			t.Logf("%s process.env: PM2 hands %s on", id, key)
		}
		if theirs.Error != "" || ours.Error != "" {
			continue
		}
		both++
		out := t.TempDir()
		if apps, err := x.asUnits(t.Context(), dir, out, args...); err != nil {
			t.Logf("%s units: %v", id, err)
		} else {
			for _, d := range differences(t, out, apps, theirs.Apps) {
				t.Logf("%s units: %s", id, d)
			}
		}
		same := true
		for _, d := range compare(theirs.Apps, ours.Apps) {
			reason := reasonFor(d)
			same = same && reason != ""
			if reason != "" {
				reason = "wanted: "
			}
			t.Logf("%s differs: %s%s", id, reason, d)
		}
		if same {
			alike++
		}
	}
	t.Logf("%d files: PM2 loads %d, gopm converts %d, both %d, alike %d", len(entries), loads, converts, both, alike)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
