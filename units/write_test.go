package units_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopm/gopm/units"
)

// set makes a set of files that hold their own names.
func set(t *testing.T, names ...string) *units.Set {
	t.Helper()
	var s units.Set
	for _, name := range names {
		if err := s.Add(name, "new "+name); err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

// tree returns the files below root, links as what they point to.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			to, err := os.Readlink(name)
			out[strings.TrimPrefix(name, root+"/")] = "-> " + to
			return err
		}
		text, err := os.ReadFile(name)
		out[strings.TrimPrefix(name, root+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func check(t *testing.T, root string, want map[string]string) {
	t.Helper()
	if got := tree(t, root); !maps.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(root+"/a", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := units.Write(root, set(t, "a", "b/c", "b/d")); err != nil {
		t.Fatal(err)
	}
	check(t, root, map[string]string{"a": "new a", "b/c": "new b/c", "b/d": "new b/d"})
	info, err := os.Stat(root + "/a")
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v (%v), want 0644", info.Mode(), err)
	}
}

func TestWriteRefusesWhatIsNoFile(t *testing.T) {
	for name, put := range map[string]func(string) error{
		"a link":   func(name string) error { return os.Symlink("/dev/null", name) },
		"a folder": func(name string) error { return os.Mkdir(name, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(root+"/a", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(root + "/b"); err != nil {
				t.Fatal(err)
			}
			before := tree(t, root)
			err := units.Write(root, set(t, "a", "b", "c"))
			want := "write " + root + "/b: something else than a regular file is there"
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			check(t, root, before)
		})
	}
}

func TestWriteRefusesAFolderThatIsAFile(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(root+"/b", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := units.Write(root, set(t, "a", "b/c"))
	want := "write " + root + "/b/c: mkdir " + root + "/b: not a directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	check(t, root, map[string]string{"b": "old"})
}

func TestSetRefusesPathsThatLeaveTheRoot(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../a", "/a", "a/../b", "a//b", "a/"} {
		var s units.Set
		err := s.Add(name, "")
		want := `add "` + name + `": not a clean path below the root`
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	s := set(t, "b", "a")
	if err := s.Add("a", ""); err == nil || err.Error() != "add a: already in the set" {
		t.Errorf("got %v, want add a: already in the set", err)
	}
	if got := s.Files(); len(got) != 2 || got[0].Path != "a" || got[1].Path != "b" {
		t.Errorf("got %v, want a and b in order", got)
	}
}
