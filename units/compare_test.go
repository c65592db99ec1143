package units_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/units"
)

// ours is an Owner whose files begin with "ours".
func ours() units.Owner {
	return units.Owner{Mark: "ours", Dirs: []string{"u", "etc"}, Made: func(_, first string) bool { return first == "ours" }}
}

// put writes files below root; a text is "ours" and the name where none is given.
func put(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// wanted makes a set of the given files.
func wanted(t *testing.T, files map[string]string) *units.Set {
	t.Helper()
	var s units.Set
	for name, text := range files {
		if err := s.Add(name, text); err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

// apply compares and writes.
func apply(t *testing.T, root string, set *units.Set) (units.Changes, error) {
	t.Helper()
	changes, err := units.Compare(os.DirFS("/"), root, set, ours())
	if err != nil {
		return changes, err
	}
	return changes, changes.Write()
}

func TestWriteRemovesWhatTheSourceMadeEarlier(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{
		"u/a.target": "ours\nold", "u/b.target": "ours\n", "u/b.service.d/10.conf": "ours\n", "u/c.service.d/10.conf": "ours\n",
		"u/c.service.d/20.conf": "theirs", "u/d.target": "theirs", "u/e.target": "oursToo\n", "etc/b": "ours", "etc/deep/er/x": "ours\n",
		"elsewhere/x": "ours\n", "u/.gopm-123": "ours", "u/.gopm-123.old": "x", "u/.gopm-mine": "x",
	})
	if err := os.Symlink("a.target", root+"/u/link.target"); err != nil {
		t.Fatal(err)
	}
	changes, err := apply(t, root, wanted(t, map[string]string{"u/a.target": "ours\nnew", "u/f.service.d/10.conf": "ours\n"}))
	if err != nil {
		t.Fatal(err)
	}
	check(t, root, map[string]string{
		"u/a.target": "ours\nnew", "u/f.service.d/10.conf": "ours\n", "u/c.service.d/20.conf": "theirs", "u/d.target": "theirs",
		"u/e.target": "oursToo\n", "etc/deep/er/x": "ours\n", "elsewhere/x": "ours\n", "u/link.target": "-> a.target", "u/.gopm-mine": "x",
	})
	if _, err := os.Stat(root + "/u/b.service.d"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty drop-in folder stays: %v", err)
	}
	var got []string
	for _, c := range changes.Files {
		got = append(got, string(c.Kind)+" "+c.Path)
	}
	want := []string{"remove etc/b", "replace u/a.target", "remove u/b.service.d/10.conf", "remove u/b.target", "remove u/c.service.d/10.conf", "create u/f.service.d/10.conf"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestWriteTwice: what is right already is not touched.
func TestWriteTwice(t *testing.T) {
	root := t.TempDir()
	set := wanted(t, map[string]string{"u/a": "ours\n"})
	if err := set.AddSecret("etc/a.env", "ours\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := apply(t, root, set); err != nil {
		t.Fatal(err)
	}
	past := time.Unix(1, 0)
	if err := os.Chtimes(root+"/u/a", past, past); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		mode os.FileMode
		kept bool
	}{{0o644, true}, {0o600, false}} {
		if err := os.Chmod(root+"/u/a", tc.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := apply(t, root, set); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(root + "/u/a")
		if err != nil || info.ModTime().Equal(past) != tc.kept || info.Mode() != 0o644 {
			t.Errorf("mode %v, of %v (%v); want it kept: %v", info.Mode(), info.ModTime(), err, tc.kept)
		}
	}
	if info, err := os.Stat(root + "/etc/a.env"); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

// TestWriteRefusesWhatItDidNotWrite: all such files are named, and nothing of
// the rest is written or removed.
func TestWriteRefusesWhatItDidNotWrite(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"u/a": "theirs", "u/b": "our", "u/c": "ours\nold", "u/d": "ours\n"})
	if err := os.Mkdir(root+"/u/e", 0o755); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	_, err := apply(t, root, wanted(t, map[string]string{"u/a": "ours", "u/b": "ours", "u/c": "ours\nnew", "u/e": "ours", "u/f": "ours"}))
	want := strings.Join([]string{
		"write " + root + "/u/a: somebody else wrote the file that is there",
		"write " + root + "/u/b: somebody else wrote the file that is there",
		"write " + root + "/u/e: something else than a regular file is there",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	check(t, root, before)
}

// TestWriteIsAllOrNothing fails in the middle, on a disk that is full: what was
// there is there, and nothing else.
func TestWriteIsAllOrNothing(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mount("none", root, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal("root can mount a tmpfs: ", err)
	}
	defer func() {
		if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	if _, err := apply(t, root, wanted(t, map[string]string{"u/a": "ours\nold", "u/gone": "ours\n"})); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	_, err := apply(t, root, wanted(t, map[string]string{"u/a": "ours\nnew", "u/b.service.d/c": "ours\n", "u/z": "ours\n" + strings.Repeat("x", 100<<10)}))
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	check(t, root, before)
	if _, err := os.Stat(root + "/u/b.service.d"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder stays: %v", err)
	}
}

// TestWriteUndoes fails as late as it can: a file that is to be removed vanishes
// when all others have been written.
func TestWriteUndoes(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"u/a": "ours\nold", "u/b": "ours\n", "etc/c": "ours\n"})
	before := tree(t, root)
	changes, err := units.Compare(os.DirFS("/"), root, wanted(t, map[string]string{"u/a": "ours\nnew", "u/d/e": "ours\n"}), ours())
	if err != nil {
		t.Fatal(err)
	}
	// The second time b is gone.
	changes.Files = append(changes.Files, changes.Only(units.Remove)...)
	err = changes.Write()
	if err == nil {
		t.Error("wrote in spite of a file that cannot be removed")
	}
	check(t, root, before)
	if _, err := os.Stat(root + "/u/d"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder stays: %v", err)
	}
}

// TestWriteWaits: two runs for one root do not mix.
func TestWriteWaits(t *testing.T) {
	root := t.TempDir()
	done := make(chan error)
	sets := []*units.Set{wanted(t, map[string]string{"u/a": "ours\n1", "u/b": "ours\n1"}), wanted(t, map[string]string{"u/a": "ours\n2", "u/b": "ours\n2"})}
	for _, set := range sets {
		go func() {
			for range 20 {
				changes, err := units.Compare(os.DirFS("/"), root, set, ours())
				if err == nil {
					err = changes.Write()
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range sets {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if files := tree(t, root); len(files) != 2 {
		t.Errorf("got %q, want a and b", files)
	}
}
