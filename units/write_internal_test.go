package units

import (
	"os"
	"testing"
)

// TestUndo takes back a file that replaced another and one that did not, which
// Write does when a later rename fails.
func TestUndo(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(root+"/a", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/a", "/b"} {
		var w writing
		if err := w.stage(root+name, Change{Kind: Create, New: File{Text: "new"}}); err != nil {
			t.Fatal(err)
		}
		s := w.staged[0]
		if err := s.commit(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(root + name); err != nil || string(text) != "new" {
			t.Fatalf("%s holds %q (%v), want new", name, text, err)
		}
		if err := s.undo(); err != nil {
			t.Fatal(err)
		}
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v (%v), want a alone", entries, err)
	}
	if text, err := os.ReadFile(root + "/a"); err != nil || string(text) != "old" {
		t.Errorf("a holds %q (%v), want old", text, err)
	}
}
