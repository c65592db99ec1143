package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

// answerTime is how long an activator may take to answer: one that hangs must
// not keep the others from being seen.
const answerTime = time.Second

// Reader reads what there is, again and again. What a worker takes of a CPU is
// since the reading before or, the first time, during Window.
type Reader struct {
	Manager control.Manager
	Systemd *systemd.Manager
	// Runs finds each gopm run that goes on.
	Runs func() []control.Manager
	Host fs.FS // the root of the file system
	// Window is the least time between the two looks at the CPUs of a first
	// reading.
	Window time.Duration
	// Patience is how long a worker may take to tell what it measures of itself; 0:
	// it is not asked.
	Patience time.Duration

	last map[string]usage // by worker unit
}

// Read looks at all apps.
func (r *Reader) Read(ctx context.Context) (Fleet, error) {
	runs, err := r.runs()
	if err != nil {
		return Fleet{}, err
	}
	units, err := r.units(ctx)
	if err != nil && len(runs) == 0 {
		return Fleet{}, err // else there is no systemd, as in a container
	}
	apps := append(units, runs...)
	limited, err := r.ask(ctx, apps)
	if err != nil {
		return Fleet{}, err
	}
	f := Fleet{Limited: limited}
	for _, s := range apps {
		f.Apps = append(f.Apps, join(*s))
	}
	slices.SortStableFunc(f.Apps, func(x, y App) int { return strings.Compare(x.Name, y.Name) })
	return f, r.measure(ctx, f)
}

// runs are the apps of each gopm run.
func (r *Reader) runs() ([]*seen, error) {
	var apps []*seen
	for _, run := range r.Runs() {
		names, err := run.Apps()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			apps = append(apps, &seen{name: name, supervised: true, of: run})
		}
	}
	return apps, nil
}

// units are the apps that systemd has.
func (r *Reader) units(ctx context.Context) ([]*seen, error) {
	var folders []string
	var loaded []systemd.Unit
	asking, asked := errgroup.WithContext(ctx)
	asking.Go(func() (err error) { folders, err = r.Systemd.Folders(asked); return err })
	asking.Go(func() (err error) { loaded, err = r.Systemd.Units(asked, "*@*.service", "*.target"); return err })
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	var apps []*seen
	for _, s := range sort(find(r.Host, folders), loaded) {
		s.of = r.Manager
		apps = append(apps, s)
	}
	return apps, nil
}

// sort gives each app its units. An app that somebody has written by hand is
// known by its activator, once that is loaded.
func sort(found map[string]bool, loaded []systemd.Unit) map[string]*seen {
	for _, u := range loaded {
		if app, ok := appOfActivator(u.Name); ok {
			found[app] = true
		}
	}
	apps := make(map[string]*seen)
	for name, supervised := range found {
		apps[name] = &seen{
			name: name, supervised: supervised,
			units: make(map[string]systemd.Unit), services: make(map[string]systemd.Service),
		}
	}
	for _, u := range loaded {
		app, isActivator := appOfActivator(u.Name)
		if !isActivator {
			app, _, _ = strings.Cut(u.Name, "@")
			app = strings.TrimSuffix(app, ".target")
		}
		if s := apps[app]; s != nil {
			s.units[u.Name] = u
		}
	}
	return apps
}

// ask fills in what systemd knows of the workers, and the activators of their
// apps.
func (r *Reader) ask(ctx context.Context, apps []*seen) (limited, err error) {
	var workers []string
	var mu sync.Mutex
	asking, asked := errgroup.WithContext(ctx)
	for _, s := range apps {
		for name, u := range s.units {
			if _, ok := instanceOf(s.name, name); ok && u.Active != "inactive" {
				workers = append(workers, name)
			}
		}
		// An activator that does not run must not be asked: that would start it.
		if !awake(*s) {
			continue
		}
		asking.Go(func() error {
			patient, cancel := context.WithTimeout(asked, answerTime)
			defer cancel()
			status, err := r.status(patient, s.of.Address(s.name))
			switch {
			case err == nil:
				s.status = &status
			case errors.Is(err, control.ErrDenied):
				mu.Lock()
				limited = err
				mu.Unlock()
				fallthrough
			default:
				s.unseen = err.Error()
				if errors.Is(err, context.DeadlineExceeded) {
					s.unseen = fmt.Sprintf("%s has not answered within %s", activatorUnit(s.name), answerTime)
				}
			}
			return nil
		})
	}
	var services map[string]systemd.Service
	if len(workers) > 0 {
		asking.Go(func() (err error) { services, err = r.Systemd.Services(asked, workers); return err })
	}
	if err := asking.Wait(); err != nil {
		return nil, err
	}
	for _, s := range apps {
		for name := range s.units {
			if service, ok := services[name]; ok {
				s.services[name] = service
			}
		}
	}
	return limited, nil
}

// status is what an activator knows.
func (r *Reader) status(ctx context.Context, at control.Address) (control.Status, error) {
	if r.Patience > 0 {
		return control.AskMeasures(ctx, at, r.Patience)
	}
	return control.AskStatus(ctx, at)
}

// measure fills in what the workers use.
func (r *Reader) measure(ctx context.Context, f Fleet) error {
	booted, err := boot(time.Now())
	if err != nil {
		return err
	}
	before := r.last
	if before == nil {
		if before = r.look(f, booted); len(before) > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(r.Window):
			}
		}
	}
	r.last = r.look(f, booted)
	for i := range f.Apps {
		for j := range f.Apps[i].Workers {
			w := &f.Apps[i].Workers[j]
			key := f.Apps[i].Run + w.Unit
			if now, ok := r.last[key]; ok {
				w.use(before[key], now)
			}
		}
	}
	return nil
}

// exact is in how many grains of a count something can be told of it.
const exact = 50

// use takes over what a worker has used, between two looks at it.
func (w *Worker) use(before, now usage) {
	w.Began, w.Memory = now.began, &now.memory
	spent := now.at.Sub(before.at)
	if now.counted && before.counted && spent > exact*now.grain && now.cpu >= before.cpu {
		percent := 100 * float64(now.cpu-before.cpu) / float64(spent)
		w.CPU = &percent
	}
}

// look is what each worker that runs has used, by the folder of its run and its
// unit.
func (r *Reader) look(f Fleet, booted time.Time) map[string]usage {
	var mu sync.Mutex
	used := make(map[string]usage)
	var looking errgroup.Group
	looking.SetLimit(runtime.GOMAXPROCS(0))
	for _, a := range f.Apps {
		looking.Go(func() error {
			for _, w := range a.Workers {
				if !w.Runs() {
					continue
				}
				if u, ok := measure(r.Host, w.PID, a.Run == "", booted); ok {
					mu.Lock()
					used[a.Run+w.Unit] = u
					mu.Unlock()
				}
			}
			return nil
		})
	}
	_ = looking.Wait() // nothing of it fails
	return used
}
