package units

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Folders of the files in a set, below its root.
const (
	SystemDir   = "usr/lib/systemd/system"
	SysusersDir = "usr/lib/sysusers.d"
	TmpfilesDir = "usr/lib/tmpfiles.d"
)

// File is one file of a set.
type File struct {
	Path string // below the root, with slashes
	Text string
}

// Set is a set of files for one root, each path at most once.
type Set struct {
	files []File
}

// Add puts a file into the set.
func (s *Set) Add(name, text string) error {
	if name == "." || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../") || name == ".." {
		return fmt.Errorf("add %q: not a clean path below the root", name)
	}
	at, found := slices.BinarySearchFunc(s.files, name, func(f File, name string) int { return cmp.Compare(f.Path, name) })
	if found {
		return &TakenError{Path: name}
	}
	s.files = slices.Insert(s.files, at, File{name, text})
	return nil
}

// Files returns the files, sorted by path.
func (s *Set) Files() []File { return slices.Clone(s.files) }

// TakenError says that a set already has a file of that path.
type TakenError struct{ Path string }

// Error names the path.
func (e *TakenError) Error() string { return fmt.Sprintf("add %s: already in the set", e.Path) }
