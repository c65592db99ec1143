package activator

import (
	"context"

	"github.com/gopm/gopm/activator/watch"
)

// watch rolls the app when its files change, until ctx ends.
func (a *Activator) watch(ctx context.Context) {
	watch.Watch{
		Rules:   *a.settings.Watch,
		Delay:   a.settings.WatchDelay,
		Changed: func(what string) { a.do(func() { a.changed(what) }) },
		Ready:   func(folders int) { a.journal.info("watch: changes are seen from now on (folders: %d)", folders) },
		Tell:    func(format string, args ...any) { a.journal.warning("watch: "+format, args...) },
	}.Run(ctx)
}

// changed is like a reload that nobody waits for. During a roll it is the next
// one.
func (a *Activator) changed(what string) {
	if a.next == nil {
		a.next = &roll{Roll: a.newRoll(a.everyone()), why: "watch: " + what}
	}
	a.beginNext()
	a.settle()
}
