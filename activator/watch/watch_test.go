package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watched is a folder and a watch on something in it.
type watched struct {
	t       *testing.T
	dir     string
	changes chan string
	told    chan string
}

// begin watches, where the names in a new folder say so, and has delay for the
// quiet time.
func begin(t *testing.T, delay time.Duration, files map[string]string, watch ...string) watched {
	t.Helper()
	w := watched{t, t.TempDir(), make(chan string, 1000), make(chan string, 1000)}
	for name, text := range files {
		w.write(name, text)
	}
	w.run(delay, watch...)
	return w
}

// run watches from its return until the end of the test.
func (w watched) run(delay time.Duration, watch ...string) {
	w.t.Helper()
	for i := range watch {
		watch[i] = filepath.Join(w.dir, watch[i])
	}
	rules, err := NewRules(watch, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ready, ended := make(chan bool), make(chan bool)
	go func() {
		Watch{
			Rules:   rules,
			Delay:   delay,
			Changed: func(what string) { w.changes <- what },
			Ready:   func(int) { close(ready) },
			Tell:    func(format string, args ...any) { w.told <- fmt.Sprintf(format, args...) },
		}.Run(ctx)
		close(ended)
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
	<-ready
}

func (w watched) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

func (w watched) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w watched) link(to, name string) {
	w.t.Helper()
	// As ln -sfn: in the place of the old one.
	temporary := filepath.Join(w.dir, name) + ".new"
	if err := errors.Join(os.Symlink(filepath.Join(w.dir, to), temporary), os.Rename(temporary, filepath.Join(w.dir, name))); err != nil {
		w.t.Fatal(err)
	}
}

// wants waits for a change.
func (w watched) wants(want string) {
	w.t.Helper()
	select {
	case got := <-w.changes:
		if got != want {
			w.t.Errorf("told %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		w.t.Fatalf("not told %q", want)
	}
}

const quick = 20 * time.Millisecond

func TestWatchFolder(t *testing.T) {
	t.Parallel()
	w := begin(t, quick, map[string]string{"app/src/index.js": "", "app/node_modules/a/index.js": "", "app/.git/HEAD": ""}, "app")
	w.write("app/src/index.js", "1")
	w.wants("src/index.js changed")

	// What is ignored is not even the second of two.
	w.write("app/node_modules/a/index.js", "1")
	w.write("app/.git/HEAD", "1")
	w.write("app/src/.index.js.swp", "1")
	w.write("app/src/index.js", "2")
	w.wants("src/index.js changed")

	if err := os.Remove(filepath.Join(w.dir, "app/src/index.js")); err != nil {
		t.Fatal(err)
	}
	w.wants("src/index.js changed")
}

func TestWatchNewFolders(t *testing.T) {
	t.Parallel()
	w := begin(t, quick, map[string]string{"app/index.js": ""}, "app/**/*.js")
	w.write("app/a/b/c/new.js", "1")
	w.wants("a/b/c/new.js changed")
	w.write("app/a/b/c/new.js", "2")
	w.wants("a/b/c/new.js changed")

	// Renamed, it goes on under its new name.
	w.rename("app/a", "app/z")
	w.wants("z/b/c/new.js changed")
	w.write("app/z/b/c/new.js", "3")
	w.wants("z/b/c/new.js changed")

	// Made away with and made anew.
	if err := os.RemoveAll(filepath.Join(w.dir, "app/z")); err != nil {
		t.Fatal(err)
	}
	w.wants("z/b/c/new.js changed")
	w.write("app/z/b/c/new.js", "4")
	w.wants("z/b/c/new.js changed")
}

func TestWatchFileThatEditorsReplace(t *testing.T) {
	t.Parallel()
	w := begin(t, quick, map[string]string{"app/config.json": "", "app/other.json": ""}, "app/config.json", "late/src")
	for range 3 {
		w.write("app/config.json~", "1")
		w.write("app/other.json", "1")
		w.rename("app/config.json~", "app/config.json")
		w.wants("app/config.json changed")
	}
	late := filepath.Join(w.dir, "late/src")
	want := late + " does not exist; it is watched from when it does" + hidden(late)
	if told := <-w.told; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
	w.write("late/src/index.js", "1")
	w.wants("late/src changed")
	w.write("late/src/index.js", "2")
	w.wants("late/src/index.js changed")
}

func TestWatchThroughLinks(t *testing.T) {
	t.Parallel()
	w := watched{t, t.TempDir(), make(chan string, 1000), make(chan string, 1000)}
	for _, name := range []string{"1/index.js", "2/index.js", "shared/a.js", "etc/real.json", "app/x"} {
		w.write(name, "")
	}
	w.link("1", "current")
	w.link("shared", "1/shared")
	w.link("1", "1/loop")
	w.link("etc/real.json", "app/config.json")
	w.run(quick, "current", "app/config.json")

	w.write("1/index.js", "1")
	w.wants("current/index.js changed")
	w.write("shared/a.js", "1")
	w.wants("current/shared/a.js changed")
	w.write("etc/real.json", "1")
	w.wants("app/config.json changed")
	w.link("2", "current")
	w.wants("current changed")
	w.write("2/index.js", "1")
	w.wants("current/index.js changed")
}

// A storm is one change: also where the kernel has lost count.
func TestWatchStorm(t *testing.T) {
	t.Parallel()
	const files = 3000
	w := begin(t, 300*time.Millisecond, map[string]string{"app/index.js": ""}, "app")
	for i := range files {
		w.write(fmt.Sprintf("app/%d/%d.js", i%50, i), "1")
	}
	select {
	case got := <-w.changes:
		if !strings.HasSuffix(got, " more changed") {
			t.Errorf("told %q", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not told of a storm")
	}
}

func TestWatchOverflow(t *testing.T) {
	t.Parallel()
	w := begin(t, quick, map[string]string{"app/index.js": ""}, "app")
	rules, err := NewRules([]string{w.dir + "/app"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	tree := newTree(rules, notify, t.Errorf)
	tree.look()
	w.write("app/lost/index.js", "")
	got := Watch{Rules: rules, Tell: t.Errorf}.recover(tree, fsnotify.ErrEventOverflow)
	if want := []string{w.dir + "/app"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changed are %q, want %q", got, want)
	}
	if _, watched := tree.folders[w.dir+"/app/lost"]; !watched {
		t.Error("a folder whose event was lost is not watched")
	}
}

func TestWatchMetadata(t *testing.T) {
	t.Parallel()
	w := begin(t, quick, map[string]string{"app/a.js": "", "app/b.js": ""}, "app")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(w.dir, "app/a.js"), old, old); err != nil { // of no interest
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(w.dir, "app/b.js"), now, now); err != nil { // touch
		t.Fatal(err)
	}
	w.wants("b.js changed")
}

func TestWatchHidden(t *testing.T) {
	for name, want := range map[string]string{
		"/home/me/app": " (where it is hidden from the activator, its unit needs ProtectHome=read-only)",
		"/tmp/app":     " (where it is hidden from the activator, its unit needs PrivateTmp=no)",
		"/srv/app":     "",
		"/homestead":   "",
	} {
		if got := hidden(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWatchLimits(t *testing.T) {
	var told []string
	tell := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	tr := &tree{lacks: map[string]bool{}, tell: tell}
	for range 2 {
		tr.lacking("/srv/app/a", &os.PathError{Err: syscall.ENOSPC})
		tr.lacking("/srv/app/b", syscall.EACCES)
	}
	want := []string{
		"no inotify watch is left for /srv/app/a and more: changes there are not seen; raise fs.inotify.max_user_watches (sysctl), or watch fewer folders (GOPM_WATCH, GOPM_WATCH_IGNORE)",
		"/srv/app/b may not be read: changes in it are not seen; the activator's unit needs CapabilityBoundingSet=CAP_DAC_READ_SEARCH",
	}
	if fmt.Sprint(told) != fmt.Sprint(want) || !tr.full {
		t.Errorf("told %q, want %q", told, want)
	}
}
