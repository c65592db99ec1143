package units

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Write puts the files of a set below the folder root, whatever regular files
// are there. See [Changes.Write].
func Write(root string, set *Set) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("write below %s: %w", root, err)
	}
	changes, err := Compare(os.DirFS("/"), root, set, Owner{})
	if err != nil {
		return err
	}
	return changes.Write()
}

// Write makes the changes on the disk of this machine, all or none: every file
// is written in full under another name first, and only then do all get their
// own names; the files to be removed go last. When a step fails, Write puts
// back what was there. A file that stays as it is is not touched.
//
// A run that is killed leaves each file whole, the old one or the new one, and
// the next run ends what it began.
//
// It replaces regular files only: a symbolic link (`systemctl mask` and aliases
// are such) or a folder of that name is an error.
func (c Changes) Write() (err error) {
	var w writing
	defer func() { err = errors.Join(err, w.end(err != nil)) }()
	if err := w.begin(c); err != nil {
		return err
	}
	for _, change := range c.Files {
		if change.Kind == Keep {
			continue
		}
		if err := w.stage(filepath.Join(c.Root, filepath.FromSlash(change.Path)), change); err != nil {
			return err
		}
	}
	// A unit that goes may be one that an old version of another still needs.
	slices.SortStableFunc(w.staged, func(a, b staging) int { return order(a) - order(b) })
	for i := range w.staged {
		if err := w.staged[i].commit(); err != nil {
			for j := range i {
				err = errors.Join(err, w.staged[j].undo())
			}
			return err
		}
	}
	for _, change := range c.Only(Remove) {
		if dir := filepath.Dir(change.Path); !slices.Contains(c.dirs, dir) {
			w.emptied = append(w.emptied, filepath.Join(c.Root, dir))
		}
	}
	return nil
}

func order(s staging) int {
	if s.temp == "" {
		return 1
	}
	return 0
}

// writing is one run of Write.
type writing struct {
	lock    *os.File // the root, closed by end
	made    []string // folders that were not there before, outer ones first
	staged  []staging
	emptied []string // drop-in folders that lost a file
}

// begin makes the root, waits until no other run is at work there, and removes
// what a run left that was killed.
func (w *writing) begin(c Changes) (err error) {
	if err := w.mkdir(c.Root); err != nil {
		return fmt.Errorf("write below %s: %w", c.Root, err)
	}
	if w.lock, err = os.Open(c.Root); err != nil {
		return fmt.Errorf("write below %s: %w", c.Root, err)
	}
	// The kernel lets go of it when the process ends, however that happens. A
	// file system without locks, such as some on a network, has to do without.
	_ = unix.Flock(int(w.lock.Fd()), unix.LOCK_EX)
	for _, name := range c.leftovers {
		if err := os.Remove(name); err != nil && !absent(err) {
			return fmt.Errorf("remove what an earlier run left: %w", err)
		}
	}
	return nil
}

// end removes what is not needed any more, folders too that nothing is in.
func (w *writing) end(failed bool) error {
	var err error
	for _, s := range w.staged {
		err = errors.Join(err, s.clean())
	}
	if failed {
		slices.Reverse(w.made)
		w.emptied = w.made
	}
	for _, dir := range w.emptied {
		_ = os.Remove(dir) // it stays where somebody else has a file in it
	}
	if w.lock != nil {
		err = errors.Join(err, w.lock.Close())
	}
	return err
}

// mkdir makes a folder and those it is in, and remembers which.
func (w *writing) mkdir(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || !absent(err) || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	err := os.MkdirAll(dir, 0o755)
	slices.Reverse(missing)
	for _, d := range missing {
		if _, statErr := os.Stat(d); statErr == nil {
			w.made = append(w.made, d)
		}
	}
	return err
}

// stage prepares one change: the new text beside name, and a link to what name
// is now.
func (w *writing) stage(name string, change Change) error {
	if change.Kind == Remove {
		old, err := os.CreateTemp(filepath.Dir(name), ".gopm-*")
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		s := staging{name: name, old: old.Name() + ".old"}
		// The file only reserved the name of the link.
		if err := errors.Join(old.Close(), os.Remove(old.Name()), os.Link(name, s.old)); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		w.staged = append(w.staged, s)
		return nil
	}
	if err := w.mkdir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	temp, err := writeTemp(filepath.Dir(name), change.New)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	s := staging{name: name, temp: temp}
	switch info, err := os.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		w.staged = append(w.staged, s)
		return nil
	case err != nil:
		return errors.Join(fmt.Errorf("write %s: %w", name, err), s.clean())
	case !info.Mode().IsRegular():
		return errors.Join(&NotRegularError{Path: name}, s.clean())
	}
	if err := os.Link(name, temp+".old"); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), s.clean())
	}
	s.old = temp + ".old"
	w.staged = append(w.staged, s)
	return nil
}

// staging is a file on its way to its name, or out of it.
type staging struct {
	name string // where it goes
	temp string // where it is until then; empty once it is there, and for one that goes away
	old  string // a second link to what was there; empty if nothing was
}

// writeTemp writes a file under a new name in dir, down to the disk, and returns
// the name. Its dot keeps systemd from reading it as a unit.
func writeTemp(dir string, file File) (name string, err error) {
	f, err := os.CreateTemp(dir, ".gopm-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(file.Text)
	if err == nil {
		// CreateTemp makes files that only their owner reads; units are for all.
		err = f.Chmod(file.Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

// commit gives the file its name, or takes it away.
func (s *staging) commit() error {
	if s.temp == "" {
		if err := os.Remove(s.name); err != nil {
			return fmt.Errorf("remove %s: %w", s.name, err)
		}
		return nil
	}
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

// Link makes a symbolic link below the folder root, with the folder that it is
// in. A link that is there already is none of its business.
func Link(root, name, to string) error {
	full := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return fmt.Errorf("link %s: %w", full, err)
	}
	if err := os.Symlink(to, full); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("link %s: %w", full, err)
	}
	return nil
}
