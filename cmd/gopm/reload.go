package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

func reloadVerb() verb {
	return verb{
		names:    []string{"reload"},
		args:     "APP…",
		about:    "replace every worker of apps, without losing a request",
		examples: "  gopm reload my-api      exits with 1 where the reload was aborted\n  gopm reload all         one app after the other\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			quiet := flags.BoolP("quiet", "q", false, "print nothing but an error")
			return func(ctx context.Context, w world, args []string) error {
				s := newSite(ctx, w, *user)
				chosen, err := s.choose(ctx, args)
				if err != nil {
					return err
				}
				return each(chosen, func(c choice) error {
					if c.instance >= 0 {
						return fmt.Errorf("%w: a reload is of a whole app; gopm restart %s drains and restarts one instance", errUsage, c.name())
					}
					show := newProgress(w, *quiet)
					err := s.reload(ctx, c.app, show)
					show.end(err == nil)
					return err
				})
			}
		},
	}
}

// reload replaces an app's workers.
func (s site) reload(ctx context.Context, app fleet.App, show *progress) error {
	switch {
	case app.State == fleet.Stopped || app.State == fleet.Failed && !app.Supervised:
		return fmt.Errorf("reload %s: it is %s; gopm start %s starts it", app.Name, app.State, app.Name)
	case app.Supervised && s.owns(app):
		return s.roll(ctx, app, show)
	}
	// Over the bus, where polkit decides. A reload of the target would never be
	// reported as failed.
	ended := make(chan error, 1)
	go func() { ended <- s.of(app).Do(ctx, systemd.Reload, app.Reloader()) }()
	last, err := s.watch(ctx, app, ended, show)
	switch {
	case errors.Is(err, systemd.ErrDenied):
		return err
	case err != nil && last.Aborted != "":
		return fmt.Errorf("reload %s: %s", app.Name, last.Aborted)
	case err != nil && app.Run != "":
		return fmt.Errorf("reload %s: %w", app.Name, err)
	case err != nil:
		return fmt.Errorf("reload %s: aborted; journalctl -u %s tells why", app.Name, app.Reloader())
	}
	show.line("reload: done")
	return nil
}

// watchPause is between two looks at a roll of which nobody tells us.
const watchPause = 200 * time.Millisecond

// watch shows how far a reload is until it has ended, to who may look at the status.
// It returns how it has ended, and the last status; the zero value where that was
// denied.
func (s site) watch(ctx context.Context, app fleet.App, ended <-chan error, show *progress) (last control.Status, err error) {
	look := time.NewTicker(watchPause)
	defer look.Stop()
	doing := ""
	for over := false; !over; {
		select {
		case err = <-ended:
			over = true
		case <-look.C:
		}
		if !app.Awake() {
			continue
		}
		status, lookErr := control.AskStatus(ctx, s.address(app), time.Second)
		if lookErr != nil {
			continue // it may be denied
		}
		last = status
		if r := status.Roll; r != nil && !over && r.Doing != doing {
			doing = r.Doing
			show.step(control.Answer{Progress: fmt.Sprintf("%s: %d/%d: %s", r.Reason, r.Done, r.Total, doing), Roll: r})
		}
	}
	return last, err
}

// roll has the activator do it, which tells how far it is.
func (s site) roll(ctx context.Context, app fleet.App, show *progress) error {
	err := control.AskReload(ctx, s.address(app), show.step)
	switch {
	case errors.Is(err, control.ErrGone):
		return fmt.Errorf("reload %s: %w during the reload; the next one goes on with a roll that had begun (journalctl -u %s); to be sure, reload again", app.Name, err, app.Activator())
	case err != nil:
		return fmt.Errorf("reload %s: %w", app.Name, err)
	}
	return nil
}
