package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// tree is what is watched on disk: inotify(7) knows folders, not what is below
// them, and loses one that is replaced.
type tree struct {
	rules   Rules
	fs      *fsnotify.Watcher
	roots   []*root
	folders map[string]file   // that are watched
	names   map[file]string   // and the other way round: a folder has one watch only
	real    map[string]string // where a symbolic link to a file leads, to the link
	lacks   map[string]bool   // what was complained about
	full    bool              // no watch is left
	tell    func(format string, args ...any)
}

// root is a base of the rules.
type root struct {
	base string
	// as is what the base was when it was last looked at; empty where it does
	// not exist.
	as     string
	looked bool
	file   bool
	real   string // of a file, with no symbolic link in it
}

// file is one on disk, whatever its name is.
type file struct{ device, inode uint64 }

func newTree(r Rules, w *fsnotify.Watcher, tell func(string, ...any)) *tree {
	t := &tree{
		rules: r, fs: w, tell: tell,
		folders: make(map[string]file), names: make(map[file]string),
		real: make(map[string]string), lacks: make(map[string]bool),
	}
	for _, base := range r.Bases() {
		t.roots = append(t.roots, &root{base: base})
	}
	return t
}

// look watches each root that is new, or is another one than before, and gives
// the bases of those. Nobody tells when a path begins to exist, or when a
// symbolic link on it is replaced.
func (t *tree) look() []string {
	var fresh []string
	for _, r := range t.roots {
		as, err := r.identify()
		if r.looked && as == r.as {
			continue
		}
		switch {
		case errors.Is(err, fs.ErrPermission):
			t.complain(r.base, "%s may not be reached; the activator's unit needs CapabilityBoundingSet=CAP_DAC_READ_SEARCH%s", r.base, hidden(r.base))
		case as == "":
			r.file = false
			t.complain(r.base, "%s does not exist; it is watched from when it does%s", r.base, hidden(r.base))
		case as != r.as && !t.watches(r.base):
			fresh = append(fresh, r.base)
		}
		r.as, r.looked = as, true
		t.add(r)
	}
	return fresh
}

// watches tells whether a folder is watched already, since an event has told of
// it.
func (t *tree) watches(folder string) bool {
	id, err := identify(folder)
	return err == nil && t.folders[folder] == id
}

// hidden is a word about a path that the unit's sandbox may hide.
func hidden(name string) string {
	for folder, how := range map[string]string{
		"/home": "ProtectHome=read-only", "/root": "ProtectHome=read-only", "/run/user": "ProtectHome=read-only",
		"/tmp": "PrivateTmp=no", "/var/tmp": "PrivateTmp=no",
	} {
		if within(folder, name) {
			return " (where it is hidden from the activator, its unit needs " + how + ")"
		}
	}
	return ""
}

// identify tells what a root is now; empty where it is not there. For a file
// that is its folder, since editors put a new file in the place of the old one.
func (r *root) identify() (string, error) {
	info, err := os.Stat(r.base)
	if err == nil {
		r.file = !info.IsDir()
	}
	if !r.file {
		if err != nil {
			return "", err
		}
		id, err := identify(r.base)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(id), nil
	}
	id, err := identify(filepath.Dir(r.base))
	if err != nil {
		return "", err
	}
	// While it is being replaced it leads nowhere.
	if real, err := filepath.EvalSymlinks(r.base); err == nil {
		r.real = real
	}
	return fmt.Sprint(id, r.real), nil
}

func identify(name string) (file, error) {
	var stat unix.Stat_t
	if err := unix.Stat(name, &stat); err != nil {
		return file{}, err
	}
	return file{uint64(stat.Dev), stat.Ino}, nil
}

// again watches what could not be watched before.
func (t *tree) again() {
	t.full = false
	for _, r := range t.roots {
		t.add(r)
	}
}

func (t *tree) add(r *root) {
	switch {
	case r.as == "":
	case !r.file:
		t.enter(r.base)
	default:
		t.watchFolder(filepath.Dir(r.base))
		if r.real != r.base {
			t.real[r.real] = r.base
			t.watchFolder(filepath.Dir(r.real))
		}
	}
}

// enter watches a folder and those below it that the rules enter, and gives the
// files in those that were not watched before. Symbolic links are followed;
// where they lead in a circle, or to a folder that is watched, that is not
// watched again.
func (t *tree) enter(folder string) []string {
	if !t.rules.Enters(folder) || !t.watchFolder(folder) {
		return nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil // it is gone again; or cannot be read, which was said
	}
	var files []string
	for _, entry := range entries {
		name := filepath.Join(folder, entry.Name())
		files = append(files, name)
		if entry.IsDir() || entry.Type()&fs.ModeSymlink != 0 && isFolder(name) {
			files = append(files, t.enter(name)...)
		}
	}
	return files
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// watchFolder tells whether a folder is watched now by this name.
func (t *tree) watchFolder(folder string) bool {
	id, err := identify(folder)
	if err != nil {
		return false
	}
	if other, known := t.names[id]; known && other != folder {
		return false
	}
	if t.folders[folder] == id {
		return true
	}
	t.forget(folder)
	if err := t.fs.Add(folder); err != nil {
		t.lacking(folder, err)
		return false
	}
	t.folders[folder], t.names[id] = id, folder
	return true
}

// lacking tells why a folder is not watched.
func (t *tree) lacking(folder string, err error) {
	switch {
	case errors.Is(err, unix.ENOSPC):
		t.full = true
		t.complain("ENOSPC", "no inotify watch is left for %s and more: changes there are not seen; raise fs.inotify.max_user_watches (sysctl), or watch fewer folders (GOPM_WATCH, GOPM_WATCH_IGNORE)", folder)
	case errors.Is(err, fs.ErrPermission):
		t.complain(folder, "%s may not be read: changes in it are not seen; the activator's unit needs CapabilityBoundingSet=CAP_DAC_READ_SEARCH", folder)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
	default:
		t.complain(folder, "%s cannot be watched: %v", folder, err)
	}
}

// forget drops a folder that was removed or renamed, and all below it: inotify
// goes on with those under their old names.
func (t *tree) forget(name string) {
	if _, watched := t.folders[name]; !watched {
		return
	}
	for folder, id := range t.folders {
		if within(name, folder) {
			_ = t.fs.Remove(folder) // the kernel may have been first
			delete(t.folders, folder)
			delete(t.names, id)
		}
	}
}

// complain tells something once.
func (t *tree) complain(about, format string, args ...any) {
	if !t.lacks[about] {
		t.lacks[about] = true
		t.tell(format, args...)
	}
}

// changed follows an event and gives the paths that it is about and that count.
func (t *tree) changed(event fsnotify.Event) []string {
	if event.Op == fsnotify.Chmod && !touched(event.Name) {
		return nil
	}
	paths := []string{event.Name}
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		t.forget(event.Name)
	}
	if event.Has(fsnotify.Create) && isFolder(event.Name) {
		// What came with it, or before it was watched.
		paths = append(paths, t.enter(event.Name)...)
	}
	var count []string
	for _, name := range paths {
		if link, ok := t.real[name]; ok {
			name = link
		}
		if t.rules.Counts(name) {
			count = append(count, name)
		}
	}
	return count
}
