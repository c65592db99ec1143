package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// answerTime is how long an activator may take to answer: one that hangs must
// not keep the others from being seen.
const answerTime = time.Second

// Manager is a service manager: systemd or, of its apps, a gopm run.
type Manager interface {
	// Units lists the loaded units that any of the patterns fits.
	Units(ctx context.Context, patterns ...string) ([]systemd.Unit, error)
	// Numbers are the main process of each of some services, 0 where there is none,
	// and how often its Restart= has started it again.
	Numbers(ctx context.Context, units []string) (pids, restarts map[string]int, err error)
	// Environment is what Environment= of a service sets.
	Environment(ctx context.Context, unit string) (map[string]string, error)
}

// Place is a service manager, and where the activators of its apps listen.
type Place struct {
	Manager
	Control control.Manager
}

// Reader reads what there is, again and again. What a worker takes of a CPU is
// since the reading before or, the first time, during Window.
type Reader struct {
	Systemd Place
	// Folders are where systemd looks for units, also for those it has not loaded.
	Folders func(context.Context) ([]string, error)
	// Runs finds each gopm run that goes on.
	Runs func() []Place
	Host fs.FS // the root of the file system
	// Window is the least time between the two looks at the CPUs of a first
	// reading.
	Window time.Duration
	// Patience is how long a worker may take to tell what it measures of itself; 0:
	// it is not asked.
	Patience time.Duration
	// Brief: where an activator tells that all is well systemd is not asked, and the app's
	// title is not known. The connection alone takes systemd milliseconds.
	Brief bool

	last map[int]sample // by process
	read bool           // there was a reading before
}

// Read looks at all apps.
func (r *Reader) Read(ctx context.Context) (Fleet, error) {
	if r.last == nil {
		r.last = make(map[int]sample)
	}
	runs, missed := r.runs(ctx)
	units, answers, err := r.units(ctx)
	switch {
	case err == nil || len(runs) > 0: // in a container there is no systemd
	case missed != nil:
		return Fleet{}, missed
	case errors.Is(err, fs.ErrNotExist):
		return Fleet{}, fmt.Errorf("neither systemd nor a gopm run is here: %w", err)
	default:
		return Fleet{}, err
	}
	apps := append(units, runs...)
	limited, err := r.ask(ctx, apps, answers)
	if err != nil {
		return Fleet{}, err
	}
	f := Fleet{Limited: cmp.Or(limited, missed)}
	for _, s := range apps {
		f.Apps = append(f.Apps, join(*s))
	}
	slices.SortFunc(f.Apps, func(x, y App) int { return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Run, y.Run)) })
	return f, r.measure(ctx, f)
}

// runs are the apps of each gopm run. One that does not answer keeps nobody from the
// others; missed tells of it.
func (r *Reader) runs(ctx context.Context) (apps []*seen, missed error) {
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, run := range r.Runs() {
		asking.Go(func() {
			of, err := appsOf(ctx, run)
			mu.Lock()
			defer mu.Unlock()
			apps, missed = append(apps, of...), cmp.Or(err, missed)
		})
	}
	asking.Wait()
	return apps, missed
}

// appsOf are the apps of a gopm run.
func appsOf(ctx context.Context, run Place) (apps []*seen, err error) {
	patient, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	loaded, err := run.Units(patient, patterns...)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED):
		return nil, nil // it has just begun, or is over
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("it has not answered within %s", answerTime)
	}
	if err != nil {
		return nil, fmt.Errorf("the gopm run of %s: %w", run.Control.Runtime, err)
	}
	found := make(map[string]bool)
	for _, u := range loaded {
		if app, ok := strings.CutSuffix(u.Name, ".target"); ok {
			found[app] = false // but sort finds its activator
		}
	}
	for _, s := range sort(found, loaded) {
		s.in, s.ofRun = run, true
		apps = append(apps, s)
	}
	return apps, nil
}

// patterns are those of activators, targets and workers.
var patterns = []string{units.Activator("*"), "*.target", "*@*.service"}

// units are the apps that systemd has, and what activators have answered meanwhile.
func (r *Reader) units(ctx context.Context) (apps []*seen, early answers, err error) {
	var found map[string]bool
	var loaded []systemd.Unit
	asking, asked := errgroup.WithContext(ctx)
	// Those that certainly run need not wait until systemd has listed the others.
	asking.Go(func() error { early = r.survey(asked, r.running()); return nil })
	asking.Go(func() error {
		folders, err := r.Folders(asked)
		found = find(r.Host, folders)
		if r.Brief { // or else systemd tells
			for _, app := range r.Systemd.Control.Listening(r.Host) {
				found[app] = true
			}
		}
		return err
	})
	if !r.Brief {
		asking.Go(func() (err error) { loaded, err = r.Systemd.Units(asked, patterns...); return err })
	}
	if err := asking.Wait(); err != nil {
		return nil, early, err
	}
	for at := range early {
		found[at.App] = true
	}
	if r.Brief {
		if loaded, err = r.rest(ctx, found, early); err != nil {
			return nil, early, err
		}
	}
	for _, s := range sort(found, loaded) {
		s.in = r.Systemd
		apps = append(apps, s)
	}
	return apps, early, nil
}

// mostNamed is how many apps systemd is asked for by name: it holds each unit that it has
// against each pattern.
const mostNamed = 20

// rest are the units of the apps of which no activator tells that all is well.
func (r *Reader) rest(ctx context.Context, found map[string]bool, answers answers) ([]systemd.Unit, error) {
	var unwell []string
	for app := range found {
		if a, known := answers[r.Systemd.Control.Address(app)]; !known || a.err != nil || !well(a.status) {
			unwell = append(unwell, app)
		}
	}
	switch {
	case len(found) == 0 || len(unwell) > mostNamed: // with no app it is seen whether there is a systemd
		return r.Systemd.Units(ctx, patterns...)
	case len(unwell) == 0:
		return nil, nil
	}
	var named []string
	for _, app := range unwell {
		named = append(named, app+".target", units.Activator(app), app+"@*.service")
	}
	return r.Systemd.Units(ctx, named...)
}

// sort gives each app its units. An app that somebody has written by hand is
// known by its activator, once that is loaded.
func sort(found map[string]bool, loaded []systemd.Unit) map[string]*seen {
	for _, u := range loaded {
		if app, ok := units.AppOfActivator(u.Name); ok {
			found[app] = true
		}
	}
	apps := make(map[string]*seen)
	for name, supervised := range found {
		apps[name] = &seen{
			name: name, supervised: supervised,
			units: make(map[string]systemd.Unit), restarts: make(map[string]int), pids: make(map[string]int),
		}
	}
	for _, u := range loaded {
		app, isActivator := units.AppOfActivator(u.Name)
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

// ask fills in what the activators know of their apps, of which some have answered, and
// what the service managers know of the workers that none has told of.
func (r *Reader) ask(ctx context.Context, apps []*seen, answers answers) (limited, err error) {
	var unasked []control.Address
	for _, s := range apps {
		// An activator that does not run must not be asked: that would start it.
		if _, known := answers[s.address()]; !known && s.awake() {
			unasked = append(unasked, s.address())
		}
	}
	maps.Copy(answers, r.survey(ctx, unasked))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, s := range apps {
		a, known := answers[s.address()]
		if !known || a.err != nil && !s.awake() {
			continue // it has ended meanwhile
		}
		if s.fill(a); a.err != nil {
			r.askMode(ctx, s)
		}
		if errors.Is(a.err, control.ErrDenied) {
			limited = a.err
		}
	}
	return limited, r.number(ctx, apps)
}

// number has the service managers tell the numbers that the activators do not. Who has
// none to tell is not asked.
func (r *Reader) number(ctx context.Context, apps []*seen) error {
	untold := make(map[Place]map[string]*seen) // whose each unit is
	for _, s := range apps {
		for _, name := range s.untold() {
			if untold[s.in] == nil {
				untold[s.in] = make(map[string]*seen)
			}
			untold[s.in][name] = s
		}
	}
	for place, owners := range untold {
		pids, restarts, err := place.Numbers(ctx, slices.Collect(maps.Keys(owners)))
		if err != nil {
			return err
		}
		for name, s := range owners {
			if pid, ok := pids[name]; ok {
				s.pids[name], s.restarts[name] = pid, restarts[name]
				r.sample(pid)
			}
		}
	}
	return nil
}

// answer is what an activator knows, or why it does not tell.
type answer struct {
	status control.Status
	err    error
}

// answers are those of activators that were asked.
type answers map[control.Address]answer

// survey asks activators.
func (r *Reader) survey(ctx context.Context, at []control.Address) answers {
	all := make(answers)
	control.Survey{Measures: r.Patience, Patience: answerTime}.Ask(ctx, at, func(i int, status control.Status, err error) {
		all[at[i]] = answer{status, err}
		for _, w := range status.Workers {
			r.sample(w.PID)
		}
	})
	return all
}

// running are the activators of systemd's that have a process, as far as the kernel
// tells.
func (r *Reader) running() []control.Address {
	groups, err := fs.ReadDir(r.Host, r.Systemd.Control.ActivatorGroups(os.Getuid()))
	if err != nil {
		return nil // there need be none
	}
	var at []control.Address
	for _, group := range groups {
		if app, ok := units.AppOfActivator(group.Name()); ok && group.IsDir() {
			at = append(at, r.Systemd.Control.Address(app))
		}
	}
	return at
}

// askMode fills in how an activator runs that does not say itself; it stays unknown
// where the service manager does not either.
func (r *Reader) askMode(ctx context.Context, s *seen) {
	env, err := s.in.Environment(ctx, units.Activator(s.name))
	if s.mode = env["GOPM_MODE"]; s.mode == "" && err == nil {
		s.mode = "cluster"
	}
}

// sample looks at a process's CPU time for the first time, where there is no
// reading before.
func (r *Reader) sample(pid int) {
	if _, known := r.last[pid]; known || r.read || pid == 0 {
		return
	}
	if s, ok := take(pid); ok {
		r.last[pid] = s
	}
}

// looksAtATime is how many processes one CPU looks at before another may be quicker.
const looksAtATime = 50

// measure fills in what the workers use.
func (r *Reader) measure(ctx context.Context, f Fleet) error {
	up, err := sinceBoot()
	if err != nil {
		return err
	}
	booted := time.Now().Add(-up)
	var looking errgroup.Group
	for part := range slices.Chunk(slices.Collect(f.running()), looksAtATime) {
		looking.Go(func() error {
			text := make([]byte, mostStat)
			for _, w := range part {
				if p, ok := readProcess(w.PID, text); ok {
					w.Began, w.Memory = booted.Add(p.began), &p.memory
				}
			}
			return nil
		})
	}
	_ = looking.Wait() // none fails
	if err := r.pause(ctx); err != nil {
		return err
	}
	now := make(map[int]sample)
	for w := range f.running() {
		s, ok := take(w.PID)
		if !ok {
			continue
		}
		now[w.PID] = s
		if percent, ok := s.percent(r.last[w.PID]); ok {
			w.CPU = &percent
		}
	}
	r.last, r.read = now, true
	return nil
}

// pause waits until every sample of a first reading is old enough to tell
// something.
func (r *Reader) pause(ctx context.Context) error {
	var youngest time.Time
	for _, s := range r.last {
		if s.at.After(youngest) {
			youngest = s.at
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.Window - time.Since(youngest)):
		return nil
	}
}

// running are the workers that have a process.
func (f Fleet) running() iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		for i := range f.Apps {
			for j := range f.Apps[i].Workers {
				if w := &f.Apps[i].Workers[j]; w.Runs() && !yield(w) {
					return
				}
			}
		}
	}
}
