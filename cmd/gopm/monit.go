package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/pflag"

	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/cmd/gopm/logs"
	"github.com/gopm/gopm/cmd/gopm/monit"
	"github.com/gopm/gopm/terminal"
)

const (
	// monitTick is from one reading to the next; PM2 has 800 ms.
	monitTick = time.Second
	// monitPatience is how long a worker may take to tell what it measures: a busy
	// one is not to flicker.
	monitPatience = 500 * time.Millisecond
	// monitLines is how many lines of logs there are to begin with, as in PM2.
	monitLines = 200
	// monitBatch is how long lines are collected before they are shown: an app may
	// log more than anybody can read.
	monitBatch = 100 * time.Millisecond
)

func monitVerb() verb {
	return verb{
		names:    []string{"monit", "dash"},
		about:    "the workers, their logs and what they measure, on a whole screen",
		examples: "  gopm monit              q ends it\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			return func(ctx context.Context, w world, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: gopm monit shows all apps", errUsage)
				}
				return showMonit(ctx, w, *user)
			}
		},
	}
}

// showMonit shows the screen until somebody ends it or ctx does.
func showMonit(ctx context.Context, w world, user bool) error {
	t := terminal.Of(w.stdout, w.getenv)
	if !t.Is || !isTerminal(w.stdin) {
		return errors.New("monit needs a terminal; for programs there is gopm ls --json")
	}
	if t.Dumb {
		return errors.New("monit needs a terminal that can do more than write, and TERM is dumb; there is gopm ls")
	}
	s := newSite(ctx, w, user)
	s.lookLonger()
	s.reader.Patience = monitPatience
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	actions := monit.Actions{Reload: func(app string) monit.Note { return s.reloadNote(ctx, w, app) }}
	profile := colorprofile.Ascii // no colours, but bold
	if t.Colour {
		profile = colorprofile.ANSI
	}
	// Signals are main's; it ends ctx. The terminal is as it was when Run returns,
	// after a panic as well.
	program := tea.NewProgram(monit.New(actions, t.Colour), tea.WithContext(ctx),
		tea.WithInput(w.stdin), tea.WithOutput(w.stdout), tea.WithColorProfile(profile), tea.WithoutSignalHandler())
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		s.feed(ctx, program)
	}()
	_, err := program.Run()
	cancel()
	<-fed
	if errors.Is(err, tea.ErrProgramKilled) && !errors.Is(err, tea.ErrProgramPanic) {
		return nil // by the end of ctx
	}
	if err != nil {
		return fmt.Errorf("monit: %w", err)
	}
	return nil
}

func isTerminal(in io.Reader) bool {
	out, ok := in.(io.Writer)
	return ok && terminal.Of(out, func(string) string { return "" }).Is
}

// reloadNote reloads an app, and says how that went.
func (s site) reloadNote(ctx context.Context, w world, name string) monit.Note {
	app, err := s.chooseOne(ctx, name)
	if err == nil {
		err = s.reload(ctx, app.app, newProgress(w, true))
	}
	if err != nil {
		return monit.Note("reload " + name + ": " + explain(err, []string{"reload", name}).Error())
	}
	return monit.Note("reload " + name + ": done")
}

// feed reads what there is to show until ctx ends.
func (s site) feed(ctx context.Context, program *tea.Program) {
	follower := follower{site: s, show: func(said monit.Said) { program.Send(said) }, tell: func(err error) { program.Send(monit.Note(err.Error())) }}
	tick := time.NewTicker(monitTick)
	defer tick.Stop()
	for {
		f, err := s.reader.Read(ctx)
		if ctx.Err() != nil {
			follower.stop()
			return
		}
		program.Send(monit.Reading{Fleet: f, Err: err, At: time.Now()})
		if err == nil {
			follower.follow(ctx, f)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// follower follows the logs of all apps.
type follower struct {
	site site
	show func(monit.Said)
	tell func(error)

	apps   []logs.Choice
	cancel context.CancelFunc
	done   chan struct{}
}

// follow begins to, and begins anew where there are other apps now.
func (f *follower) follow(ctx context.Context, of fleet.Fleet) {
	lines := monitLines
	var apps []logs.Choice
	for _, app := range of.Apps {
		apps = append(apps, logChoice(app, -1))
	}
	if f.done != nil {
		if slices.EqualFunc(f.apps, apps, func(x, y logs.Choice) bool { return x.App == y.App && x.Run == y.Run }) {
			return
		}
		f.stop()
		lines = 0
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.apps, f.done = apps, make(chan struct{})
	go func() {
		defer close(f.done)
		if err := f.read(ctx, apps, lines); err != nil && ctx.Err() == nil {
			f.tell(fmt.Errorf("logs: %w", err))
		}
	}()
}

func (f *follower) stop() {
	if f.done != nil {
		f.cancel()
		<-f.done
	}
}

func (f *follower) read(ctx context.Context, apps []logs.Choice, lines int) error {
	q := logs.Query{
		Choices: apps, Lines: lines, Follow: true,
		Keep: func(logs.Line) bool { return true },
		Miss: f.tell,
	}
	reader, err := f.site.logReader(ctx, apps)
	if err != nil {
		return err
	}
	if err := readable(reader, apps); err != nil {
		q.NoJournal = true
		f.tell(err)
	}
	batch := newBatch(f.show)
	defer batch.stop()
	return reader.Read(ctx, q, batch.add)
}
