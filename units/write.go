package units

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts the files of a set below the folder root, all or none: every file
// is written in full under another name first, and only then do all get their
// own names. When a step fails, Write puts back what was there.
//
// It replaces regular files only: a symbolic link (`systemctl mask` and aliases
// are such) or a folder of that name is an error.
func Write(root string, set *Set) (err error) {
	var staged []staging
	defer func() {
		for _, s := range staged {
			err = errors.Join(err, s.clean())
		}
	}()
	for _, f := range set.Files() {
		s, err := stage(filepath.Join(root, filepath.FromSlash(f.Path)), f.Text)
		if err != nil {
			return err
		}
		staged = append(staged, s)
	}
	for i := range staged {
		if err := staged[i].commit(); err != nil {
			for j := range i {
				err = errors.Join(err, staged[j].undo())
			}
			return err
		}
	}
	return nil
}

// staging is a file on its way to its name.
type staging struct {
	name string // where it goes
	temp string // where it is until then; empty once it is there
	old  string // a second link to what was there; empty if nothing was
}

// stage writes text beside name and keeps a link to what name is now.
func stage(name, text string) (staging, error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return staging{}, fmt.Errorf("write %s: %w", name, err)
	}
	temp, err := writeTemp(dir, text)
	if err != nil {
		return staging{}, fmt.Errorf("write %s: %w", name, err)
	}
	s := staging{name: name, temp: temp}
	switch info, err := os.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return staging{}, errors.Join(fmt.Errorf("write %s: %w", name, err), s.clean())
	case !info.Mode().IsRegular():
		return staging{}, errors.Join(&NotRegularError{Path: name}, s.clean())
	}
	if err := os.Link(name, temp+".old"); err != nil {
		return staging{}, errors.Join(fmt.Errorf("write %s: %w", name, err), s.clean())
	}
	s.old = temp + ".old"
	return s, nil
}

// writeTemp writes text to a new file in dir, down to the disk, and returns its
// name. The name's dot keeps systemd from reading it as a unit.
func writeTemp(dir, text string) (name string, err error) {
	f, err := os.CreateTemp(dir, ".gopm-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		// CreateTemp makes files that only their owner reads; units are for all.
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// commit gives the file its name.
func (s *staging) commit() error {
	if err := os.Rename(s.temp, s.name); err != nil {
		return fmt.Errorf("write %s: %w", s.name, err)
	}
	s.temp = ""
	return nil
}

// undo puts back what was there before commit.
func (s *staging) undo() error {
	if s.old == "" {
		return os.Remove(s.name)
	}
	err := os.Rename(s.old, s.name)
	s.old = ""
	return err
}

// clean removes what is not needed any more.
func (s *staging) clean() error {
	var err error
	for _, name := range []string{s.temp, s.old} {
		if name != "" {
			err = errors.Join(err, os.Remove(name))
		}
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
