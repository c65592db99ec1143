package machine

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// prefix begins the names of machines' folders and control groups.
const prefix = "gopm-machine-"

// lock marks a machine's folder as in use for as long as this process lives
// and the file isn't closed.
func lock(dir string) (*os.File, error) {
	// Renamed only when it's locked: one that exists and isn't locked is free
	// for others to remove.
	f, err := os.Create(filepath.Join(dir, "lock.new"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, "lock")); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// removeLeftovers removes what machines left behind whose processes were
// killed, such as a test's on Ctrl-C: they ended with it, but their folders
// and control groups didn't.
func removeLeftovers() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return err
	}
	own, err := ownGroups()
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, "lock"))
		if err != nil {
			continue // it is just being made, or removed
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			left := groups{}
			for _, group := range own {
				if group = filepath.Join(group, filepath.Base(dir)); isFolder(group) {
					left = append(left, group)
				}
			}
			errs = append(errs, left.remove(), os.RemoveAll(dir))
		}
		f.Close()
	}
	return errors.Join(errs...)
}
