package units

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// Owner knows which files a writer may touch. The zero Owner may replace every
// regular file and removes none.
type Owner struct {
	// Mark is how the first line of a file begins that may be replaced.
	Mark string
	// Other returns what a file that begins with that mark was made from, by its
	// first line, where that keeps it from being replaced; else "". It may be nil.
	Other func(firstLine string) string
	// Dirs are the folders, below the root, in which files of earlier runs are
	// looked for, and in the folders in them.
	Dirs []string
	// Made reports whether an earlier run made a file that the set does not have
	// any more. name is its path below the root. It may be nil: nothing is removed.
	Made func(name, firstLine string) bool
}

// Kind is what becomes of a file on the disk.
type Kind string

// The kinds of changes.
const (
	Create  Kind = "create"
	Replace Kind = "replace"
	Keep    Kind = "keep"
	Remove  Kind = "remove"
)

// Change is one file, as it is on the disk and as it will be.
type Change struct {
	Path     string // below the root
	Kind     Kind
	Old, New File // New is empty where the file is removed, Old where it is created
}

// Changes are what makes the disk have the files of a set.
type Changes struct {
	Root  string   // absolute
	Files []Change // sorted by path

	dirs      []string // Owner.Dirs
	leftovers []string // absolute: of a run that was killed
}

// Compare finds out what has to change below root for the files of a set to be
// there. disk is the whole file system, its root at /, and root an absolute
// path in it. A file of the set that may not be replaced is an error; all of
// them are in the one that Compare returns, as [errors.Join] does.
func Compare(disk fs.FS, root string, set *Set, owner Owner) (Changes, error) {
	c := Changes{Root: root, dirs: owner.Dirs}
	wanted := map[string]bool{}
	var all []error
	for _, f := range set.Files() {
		wanted[f.Path] = true
		change, err := compare(disk, root, f, owner)
		if err != nil {
			all = append(all, err)
		}
		c.Files = append(c.Files, change)
	}
	for _, dir := range owner.Dirs {
		if err := c.earlier(disk, dir, 1, wanted, owner.Made); err != nil {
			all = append(all, err)
		}
	}
	slices.SortFunc(c.Files, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return c, errors.Join(all...)
}

// compare finds out what becomes of one file of the set.
func compare(disk fs.FS, root string, f File, owner Owner) (Change, error) {
	full := path.Join(root, f.Path)
	change := Change{Path: f.Path, Kind: Create, New: f}
	info, err := fs.Lstat(disk, onDisk(full))
	switch {
	case absent(err):
		return change, nil
	case err != nil:
		return change, fmt.Errorf("read %s: %w", full, Cause(err))
	case !info.Mode().IsRegular():
		return change, &NotRegularError{Path: full}
	}
	text, err := fs.ReadFile(disk, onDisk(full))
	switch {
	case err != nil:
		return change, fmt.Errorf("read %s: %w", full, Cause(err))
	case !bytes.HasPrefix(text, []byte(owner.Mark)):
		return change, &ForeignError{Path: full}
	}
	if first, _, _ := strings.Cut(string(text), "\n"); owner.Other != nil {
		if other := owner.Other(first); other != "" {
			return change, &ForeignError{Path: full, From: other}
		}
	}
	change.Old = File{Path: f.Path, Text: string(text), Mode: info.Mode().Perm()}
	change.Kind = Replace
	if change.Old.Text == f.Text && change.Old.Mode == f.Perm() {
		change.Kind = Keep
	}
	return change, nil
}

// earlier adds the files in dir that an earlier run made and the set does not
// have, down to depth folders.
func (c *Changes) earlier(disk fs.FS, dir string, depth int, wanted map[string]bool, made func(name, firstLine string) bool) error {
	entries, err := fs.ReadDir(disk, onDisk(path.Join(c.Root, dir)))
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Join(c.Root, dir), Cause(err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		full := path.Join(c.Root, name)
		switch {
		case e.IsDir() && depth > 0:
			if err := c.earlier(disk, name, depth-1, wanted, made); err != nil {
				return err
			}
		case !e.Type().IsRegular() || wanted[name]:
		case leftover.MatchString(e.Name()):
			c.leftovers = append(c.leftovers, full)
		case made != nil:
			old, err := read(disk, full)
			if errors.Is(err, fs.ErrPermission) || absent(err) {
				// Whoever may not read a file did not write it; or it has just gone.
				continue
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", full, Cause(err))
			}
			old.Path = name
			first, _, _ := strings.Cut(old.Text, "\n")
			if made(name, first) {
				c.Files = append(c.Files, Change{Path: name, Kind: Remove, Old: old})
			}
		}
	}
	return nil
}

// longestEarlier is more than any generated file has.
const longestEarlier = 4 << 20

// read returns a file of the disk, or nothing of one that is too long to be
// generated.
func read(disk fs.FS, full string) (File, error) {
	info, err := fs.Stat(disk, onDisk(full))
	if err != nil || info.Size() > longestEarlier {
		return File{}, err
	}
	text, err := fs.ReadFile(disk, onDisk(full))
	return File{Text: string(text), Mode: info.Mode().Perm()}, err
}

// Only returns the changes of some kinds.
func (c Changes) Only(kinds ...Kind) []Change {
	return slices.DeleteFunc(slices.Clone(c.Files), func(f Change) bool { return !slices.Contains(kinds, f.Kind) })
}

// leftover is the name that writeTemp gives a file.
var leftover = regexp.MustCompile(`^\.gopm-[0-9]+(\.old)?$`)

// onDisk returns the name that an absolute path has in a file system.
func onDisk(full string) string {
	if name := strings.TrimPrefix(full, "/"); name != "" {
		return name
	}
	return "."
}

// absent reports whether an error says that there is no such file; a file in
// the place of one of its folders says so too.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// Cause returns what an error of the file system says beside the name of the
// file, for a message that names it already.
func Cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// NotRegularError says that a file was not written because something else than
// a regular file has its name.
type NotRegularError struct{ Path string }

// Error names the path.
func (e *NotRegularError) Error() string {
	return fmt.Sprintf("write %s: something else than a regular file is there", e.Path)
}

// ForeignError says that a file was not written because somebody else wrote
// the one that has its name.
type ForeignError struct {
	Path string
	From string // what it was made from, where its writer is the same
}

// Error names the path.
func (e *ForeignError) Error() string {
	if e.From != "" {
		return fmt.Sprintf("write %s: the file that is there was made from %s", e.Path, e.From)
	}
	return fmt.Sprintf("write %s: somebody else wrote the file that is there", e.Path)
}
