package units

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Folders of the files in a set, below its root.
const (
	SystemDir   = "usr/lib/systemd/system"
	SysusersDir = "usr/lib/sysusers.d"
	TmpfilesDir = "usr/lib/tmpfiles.d"

	UserDir       = "usr/lib/systemd/user"
	PresetDir     = "usr/lib/systemd/system-preset"
	UserPresetDir = "usr/lib/systemd/user-preset"
	LogrotateDir  = "etc/logrotate.d"
)

// File is one file of a set.
type File struct {
	Path string // below the root, with slashes
	Text string
	Mode fs.FileMode // 0644 or, for what only root may read, 0600
}

// Set is a set of files for one root, each path at most once.
type Set struct {
	files []File
}

// Add puts a file into the set.
func (s *Set) Add(name, text string) error { return s.add(File{name, text, 0o644}) }

// AddSecret puts a file into the set that only root may read.
func (s *Set) AddSecret(name, text string) error { return s.add(File{name, text, 0o600}) }

func (s *Set) add(f File) error {
	name := f.Path
	if name == "." || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../") || name == ".." {
		return fmt.Errorf("add %q: not a clean path below the root", name)
	}
	at, found := slices.BinarySearchFunc(s.files, name, func(f File, name string) int { return cmp.Compare(f.Path, name) })
	if found {
		return &TakenError{Path: name}
	}
	s.files = slices.Insert(s.files, at, f)
	return nil
}

// Files returns the files, sorted by path.
func (s *Set) Files() []File { return slices.Clone(s.files) }

// TakenError says that a set already has a file of that path.
type TakenError struct{ Path string }

// Error names the path.
func (e *TakenError) Error() string { return fmt.Sprintf("add %s: already in the set", e.Path) }
