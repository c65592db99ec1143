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
	SystemDir     = "usr/lib/systemd/system"
	UserDir       = "usr/lib/systemd/user"
	PresetDir     = "usr/lib/systemd/system-preset"
	UserPresetDir = "usr/lib/systemd/user-preset"
	SysusersDir   = "usr/lib/sysusers.d"
	TmpfilesDir   = "usr/lib/tmpfiles.d"
	LogrotateDir  = "etc/logrotate.d"
	EnvDir        = "etc/gopm" // environment files that only root reads
)

// Modes of the files in a set.
const (
	plainMode  fs.FileMode = 0o644
	secretMode fs.FileMode = 0o600
)

// File is one file of a set.
type File struct {
	Path string      `json:"path"`           // below the root, with slashes
	Text string      `json:"text"`           // all of it
	Mode fs.FileMode `json:"mode,omitempty"` // 0 is 0644
}

// Secret reports whether only the owner of the file may read it.
func (f File) Secret() bool { return f.Perm()&0o077 == 0 }

// Perm returns the permissions that the file has on a disk.
func (f File) Perm() fs.FileMode {
	if f.Mode == 0 {
		return plainMode
	}
	return f.Mode
}

// Set is a set of files for one root, each path at most once.
type Set struct {
	files []File
}

// Add puts a file into the set.
func (s *Set) Add(name, text string) error { return s.AddFile(File{Path: name, Text: text}) }

// AddSecret puts a file into the set that only its owner may read.
func (s *Set) AddSecret(name, text string) error {
	return s.AddFile(File{Path: name, Text: text, Mode: secretMode})
}

// AddFile puts a file into the set as it is, such as one of another set.
func (s *Set) AddFile(file File) error {
	name := file.Path
	if name == "." || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../") || name == ".." {
		return fmt.Errorf("add %q: not a clean path below the root", name)
	}
	at, found := slices.BinarySearchFunc(s.files, name, func(f File, name string) int { return cmp.Compare(f.Path, name) })
	if found {
		return &TakenError{Path: name}
	}
	s.files = slices.Insert(s.files, at, file)
	return nil
}

// Files returns the files, sorted by path.
func (s *Set) Files() []File { return slices.Clone(s.files) }

// TakenError says that a set already has a file of that path.
type TakenError struct{ Path string }

// Error names the path.
func (e *TakenError) Error() string { return fmt.Sprintf("add %s: already in the set", e.Path) }
