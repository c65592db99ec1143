package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// lookTick is how often roots are looked for that did not exist, or were
// replaced.
const lookTick = 2 * time.Second

// retryTick is how often watches are looked for where the kernel had none left.
const retryTick = 30 * time.Second

// touchTime is how old a time of change may be to be the reason of an event.
const touchTime = 2 * time.Second

// Watch is what to watch, and whom to tell.
type Watch struct {
	Rules Rules
	// Delay is for how long nothing may change until changes are told, as one.
	Delay time.Duration
	// Changed is told what changed, in a few words.
	Changed func(what string)
	// Ready is told when changes begin to be seen, and in how many folders.
	Ready func(folders int)
	// Tell is told what cannot be watched, and what to do about it.
	Tell func(format string, args ...any)
}

// Run watches until ctx ends.
func (w Watch) Run(ctx context.Context) {
	notify := w.begin(ctx)
	if notify == nil {
		return
	}
	defer notify.Close()
	t := newTree(w.Rules, notify, w.Tell)
	t.look()
	w.Ready(len(t.folders))

	ticks := time.NewTicker(lookTick)
	defer ticks.Stop()
	retries := time.NewTicker(retryTick)
	defer retries.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	b := batch{delay: w.Delay}
	for {
		var changed []string
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			changed = t.look()
		case <-retries.C:
			if t.full {
				t.again()
			}
		case event := <-notify.Events:
			changed = t.changed(event)
		case err := <-notify.Errors:
			changed = w.recover(t, err)
		case now := <-timer.C:
			if due, some := b.due(); some && !now.Before(due) {
				w.Changed(w.describe(b.take()))
			}
		}
		for _, name := range changed {
			b.add(name, time.Now())
		}
		if due, some := b.due(); some {
			timer.Reset(time.Until(due))
		}
	}
}

// begin opens an inotify instance, in the end; nil where ctx ends first.
func (w Watch) begin(ctx context.Context) *fsnotify.Watcher {
	for told := false; ; told = true {
		notify, err := fsnotify.NewWatcher()
		if err == nil {
			return notify
		}
		if !told {
			hint := ""
			if errors.Is(err, unix.EMFILE) {
				hint = "; raise fs.inotify.max_user_instances (sysctl), or stop other programs that watch files"
			}
			w.Tell("changes of files are not seen yet: %v%s", err, hint)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookTick):
		}
	}
}

// recover goes on after an error. Where there were more events than the kernel
// keeps, some are lost: new folders are looked for, and everything counts as
// changed.
func (w Watch) recover(t *tree, err error) []string {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.Tell("%v", err)
		return nil
	}
	t.again()
	return w.Rules.Bases()
}

// describe names the first of the paths that is still there: editors make files
// that are gone a moment later.
func (w Watch) describe(paths []string) string {
	name := paths[0]
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			name = path
			break
		}
	}
	var b strings.Builder
	b.WriteString(w.Rules.Short(name))
	if more := len(paths) - 1; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String() + " changed"
}

// touched tells touch(1) from chmod(1), which is of no interest.
func touched(name string) bool {
	info, err := os.Stat(name)
	return err == nil && time.Since(info.ModTime()) < touchTime
}
