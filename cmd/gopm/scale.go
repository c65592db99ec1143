package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

func scaleVerb() verb {
	return verb{
		names: []string{"scale"},
		args:  "APP N|+N|-N|max|file",
		about: "have an app have another number of workers, from now on; of a gopm run, until that ends",
		examples: "  gopm scale my-api +2\n  gopm scale my-api max      as many as CPUs may be used\n" +
			"  gopm scale my-api file     as many as the ecosystem file says\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			return func(ctx context.Context, w world, args []string) error {
				if len(args) != 2 {
					return fmt.Errorf("%w: give an app and a number", errUsage)
				}
				wanted, err := parseWanted(args[1])
				if err != nil {
					return err
				}
				s := newSite(ctx, w, *user)
				c, err := s.chooseOne(ctx, args[0])
				switch {
				case err != nil:
					return err
				case c.instance >= 0:
					return fmt.Errorf("%w: a number of workers is an app's, not an instance's", errUsage)
				case !c.app.Supervised:
					return fmt.Errorf("scale %s: it has no activator that could start more; set instances in its ecosystem file and run gopm-gen", c.app.Name)
				case !s.owns(c.app):
					return fmt.Errorf("scale %s: %w", c.app.Name, fs.ErrPermission)
				}
				return s.scale(ctx, w, c.app, wanted)
			}
		},
	}
}

// wanted is a number of workers as people give it.
type wanted struct {
	text     string // for GOPM_INSTANCES; empty: what the file says, or relative
	relative bool
	n        int // where it is relative
}

func parseWanted(word string) (wanted, error) {
	switch word {
	case "max":
		return wanted{text: word}, nil
	case "file":
		return wanted{}, nil
	}
	n, err := strconv.Atoi(word)
	relative := strings.HasPrefix(word, "+") || strings.HasPrefix(word, "-")
	switch {
	case errors.Is(err, strconv.ErrRange) || n > control.MostWorkers || n < -control.MostWorkers:
		return wanted{}, fmt.Errorf("%w: an app has %d workers at most, not %s", errUsage, control.MostWorkers, word)
	case err != nil:
		return wanted{}, fmt.Errorf("%w: %q is not a number of workers: 8, +2, -1, max or file", errUsage, word)
	case n == 0 && !relative:
		return wanted{}, fmt.Errorf("%w: an app has one worker at least; gopm stop stops it", errUsage)
	}
	return wanted{text: strconv.Itoa(n), relative: relative, n: n}, nil
}

// scale sets the number and has the activator follow it.
func (s site) scale(ctx context.Context, w world, app fleet.App, wanted wanted) error {
	name := app.Name
	folder, err := s.scaleFolder(w, app)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("scale %s: %w", name, err)
	}
	unlock, err := lock(folder) // two that want one more each get two more
	if err != nil {
		return fmt.Errorf("scale %s: %w", name, err)
	}
	defer unlock()
	if app, err = s.idle(ctx, w, app); err != nil {
		return err
	}
	if wanted.relative {
		if !app.Awake() || app.Unseen != "" {
			return fmt.Errorf("scale %s: it is %s, so it is not known how many workers it has: give a number, or start it first", name, app.State)
		}
		if app.Instances+wanted.n < 1 {
			return fmt.Errorf("scale %s: it has %d, and one at least is left; gopm stop %s stops it", name, app.Instances, name)
		}
		if app.Instances+wanted.n > control.MostWorkers {
			return fmt.Errorf("scale %s: it has %d, and %d are the most", name, app.Instances, control.MostWorkers)
		}
		wanted.text = strconv.Itoa(app.Instances + wanted.n)
	}
	set := s.setCount
	if app.Run != "" {
		set = scaleRun
	}
	if err := set(ctx, app, filepath.Join(folder, scaleFile), wanted.text); err != nil {
		return fmt.Errorf("scale %s: %w", name, err)
	}
	if !app.Awake() {
		fmt.Fprintf(w.stdout, "%s: %s; the number counts when it is started\n", name, app.State)
		return nil
	}
	// An activator reads its settings when it begins, and its restart loses nothing:
	// it is over when those that are new are ready.
	if err := s.of(app).Do(ctx, rollout.Restart, app.Activator()); err != nil {
		return fmt.Errorf("scale %s: %w", name, err)
	}
	app, err = s.idle(ctx, w, app)
	if err != nil {
		return err
	}
	line := sum(app)
	if app.Run != "" && wanted.text != "" {
		line += ", until its gopm run ends"
	}
	fmt.Fprintln(w.stdout, line)
	if app.State != fleet.Online {
		return fmt.Errorf("scale %s: %s; %s", name, lacking(app), whoTells(app))
	}
	return nil
}

// idle is the app when no roll is under way, and none of its workers is one too
// many.
func (s site) idle(ctx context.Context, w world, of fleet.App) (fleet.App, error) {
	for said := false; ; {
		f, err := s.reader.Read(ctx)
		if err != nil {
			return fleet.App{}, err
		}
		app, ok := f.Again(of)
		if !ok {
			return fleet.App{}, unknownApp(f, of.Name)
		}
		busy := app.Roll != nil
		for _, worker := range app.Workers {
			busy = busy || worker.Instance >= app.Instances && worker.Runs()
		}
		if !busy || !app.Awake() {
			return app, nil
		}
		if app.Roll != nil && !said {
			said = true
			fmt.Fprintf(w.stdout, "%s: waiting for the roll that is under way\n", app.Name)
		}
		select {
		case <-ctx.Done():
			return app, ctx.Err()
		case <-time.After(lookPause):
		}
	}
}

// scaleFile is the drop-in with the number of workers.
const scaleFile = "50-gopm-scale.conf"

// scaleFolder is where an administrator's settings of the app's activator are; of a
// gopm run, which remembers the number itself, a folder to be locked.
func (s site) scaleFolder(w world, app fleet.App) (string, error) {
	if app.Run != "" {
		return filepath.Dir(s.address(app).Path), nil
	}
	at := "/etc/systemd/system"
	if s.manager.User {
		config := w.getenv("XDG_CONFIG_HOME")
		if config == "" {
			home := w.getenv("HOME")
			if home == "" {
				return "", errors.New("find your units: HOME is not set")
			}
			config = filepath.Join(home, ".config")
		}
		at = filepath.Join(config, "systemd/user")
	}
	return filepath.Join(at, app.Activator()+".d"), nil
}

// scaleRun has a gopm run remember the count, for as long as it lasts.
func scaleRun(ctx context.Context, app fleet.App, _, count string) error {
	return runOf(app).Scale(ctx, app.Activator(), count)
}

// setCount writes the drop-in, or removes it where the count is empty, and makes
// sure that it counts: another drop-in may come after it.
func (s site) setCount(ctx context.Context, app fleet.App, file, count string) error {
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	existed := err == nil
	if err := write(file, count); err != nil {
		return err
	}
	if err := s.systemd.ReadUnits(ctx); err != nil || count == "" {
		return err
	}
	env, err := s.systemd.Environment(ctx, app.Activator())
	is := env[control.InstancesVariable]
	if err != nil || is == count {
		return err
	}
	if existed {
		err = os.WriteFile(file, before, 0o644)
	} else {
		err = os.Remove(file)
	}
	return errors.Join(fmt.Errorf("%s=%s is set by another drop-in, which counts more than %s: systemctl cat %s shows it", control.InstancesVariable, is, file, app.Activator()),
		err, s.systemd.ReadUnits(ctx))
}

// write makes a drop-in of a count; where that is empty there shall be none.
func write(file, count string) error {
	if count == "" {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text := fmt.Sprintf("# Written by gopm scale; gopm scale APP file removes it.\n[Service]\nEnvironment=%s=%s\n", control.InstancesVariable, count)
	// Only a whole one is ever seen.
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// lock keeps everybody else out of a folder until unlock.
func lock(folder string) (unlock func(), err error) {
	dir, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	return func() { dir.Close() }, nil
}
