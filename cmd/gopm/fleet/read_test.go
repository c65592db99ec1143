package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// active is a service manager that runs the activators of some apps, and knows
// nothing of their workers.
type active struct{ apps []string }

func (a *active) Units(ctx context.Context, _ ...string) (all []systemd.Unit, err error) {
	for _, app := range a.apps {
		for _, name := range []string{app + ".target", units.Activator(app)} {
			all = append(all, systemd.Unit{Name: name, Active: "active", Sub: "running"})
		}
	}
	return all, ctx.Err()
}

func (a *active) Numbers(_ context.Context, names []string) (pids, restarts map[string]int, err error) {
	if len(names) == 0 {
		err = errors.New("it is asked for nothing")
	}
	return nil, nil, err
}

func (a *active) Environment(context.Context, string) (map[string]string, error) { return nil, nil }

// listen is an activator of an app that answers each client as told.
func listen(t *testing.T, at control.Address, answer func(net.Conn)) {
	t.Helper()
	listener, err := net.Listen("unix", at.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				// To close it before all was read would take the answer back (unix(7),
				// ECONNRESET).
				if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
					answer(conn)
				}
			}()
		}
	}()
}

// One bad activator keeps nobody from seeing the others, and it is said what is
// wrong with it.
func TestReadBadActivators(t *testing.T) {
	run := control.Manager{Runtime: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(run.Address("").Path), 0o700); err != nil {
		t.Fatal(err)
	}
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
	}
	const good = `{"status":{"mode":"fork","instances":1,"ready":1,"workers":null,"listeners":[]}}` + "\n"
	tests := map[string]struct {
		answer func(net.Conn)
		want   string
	}{
		"good":    {says(good + `{"worker":{"instance":0,"pid":1,"state":"ready","restarts":4}}` + "\n" + `{"done":true}` + "\n"), "online [{0 ready 4}] "},
		"garbage": {says("\x00\x1b[2J\n"), "stopped [] read answer of activator: invalid character '\\x00' looking for beginning of value"},
		"half":    {says(good + `{"worker":{"inst`), "stopped [] read answer of activator: unexpected end of JSON input"},
		"none":    {says(`{"done":true}` + "\n"), "stopped [] the activator answers nothing; is it of another version?"},
		"gone":    {says(""), "stopped [] the activator went away"},
		"endless": {says(strings.Repeat("x", control.MaxPart+1)), "stopped [] read answer of activator: a line of over 1048576 bytes"},
		"silent":  {func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, "stopped [] gopm-activator@silent.service has not answered within 1s"},
		"odd":     {says(good + `{"worker":{"instance":-7,"pid":-1,"state":"\u001b[2J"}}` + "\n" + `{"done":true}` + "\n"), "online [{-7 \x1b[2J 0}] "},
	}
	for app, test := range tests {
		listen(t, run.Address(app), test.answer)
	}
	r := Reader{
		Systemd: Place{systemd.New(t.Context(), run, ""), run}, // there is none
		Folders: func(context.Context) ([]string, error) { return nil, fs.ErrNotExist },
		Runs:    func() []Place { return []Place{{&active{slices.Collect(maps.Keys(tests))}, run}} },
		Host:    os.DirFS(t.TempDir()),
	}
	f, err := r.Read(t.Context())
	if err != nil || len(f.Apps) != len(tests) {
		t.Fatalf("there are %d apps, %v", len(f.Apps), err)
	}
	for _, a := range f.Apps {
		workers := []string{}
		for _, w := range a.Workers {
			workers = append(workers, fmt.Sprintf("{%d %s %d}", w.Instance, w.State, w.Restarts))
		}
		if got, want := fmt.Sprint(a.State, " ", workers, " ", a.Unseen), tests[a.Name].want; got != want {
			t.Errorf("%s: it is %q, want %q", a.Name, got, want)
		}
	}
}

// hanging is a gopm run that never answers.
type hanging struct{ active }

func (h *hanging) Units(ctx context.Context, _ ...string) ([]systemd.Unit, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A gopm run that hangs keeps nobody from seeing the others, and it is said which it is.
func TestReadHangingRun(t *testing.T) {
	nowhere := control.Manager{Runtime: t.TempDir()}
	good := func(name string) Place { return Place{&active{[]string{"my-api"}}, control.Manager{Runtime: name}} }
	r := Reader{
		Systemd: Place{systemd.New(t.Context(), nowhere, ""), nowhere}, // there is none
		Folders: func(context.Context) ([]string, error) { return nil, fs.ErrNotExist },
		Runs: func() []Place {
			return []Place{{&hanging{}, control.Manager{Runtime: "/run/gopm/run-1"}}, good("/run/gopm/run-3"), good("/run/gopm/run-2")}
		},
		Host: os.DirFS(t.TempDir()),
	}
	f, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(f.Names(), " ", f.Limited), "[run-2/my-api run-3/my-api] the gopm run of /run/gopm/run-1: it has not answered within 1s"; got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
}

// Who has a process is asked while systemd still lists, and nobody twice. Who answers is
// there, also where systemd does not know it any more.
func TestReadEarly(t *testing.T) {
	run := control.Manager{Runtime: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(run.Address("").Path), 0o700); err != nil {
		t.Fatal(err)
	}
	asked := make(map[string]*atomic.Int32)
	for _, app := range []string{"running", "elsewhere", "ending", "unknown"} {
		times := new(atomic.Int32)
		asked[app] = times
		listen(t, run.Address(app), func(conn net.Conn) {
			times.Add(1)
			_, _ = io.WriteString(conn, `{"status":{"mode":"cluster","instances":1,"ready":1,"listeners":[]}}`+"\n"+`{"worker":{"instance":0,"pid":1,"state":"ready"}}`+"\n"+`{"done":true}`+"\n")
		})
	}
	group := func(app string) string {
		return run.ActivatorGroups(os.Getuid()) + "/gopm-activator@" + app + ".service"
	}
	r := Reader{
		Systemd: Place{&active{[]string{"running", "elsewhere"}}, run},
		Folders: func(context.Context) ([]string, error) { return nil, nil },
		Runs:    func() []Place { return nil },
		Host: fstest.MapFS{
			group("running"): {Mode: fs.ModeDir}, group("ending"): {Mode: fs.ModeDir}, group("unknown"): {Mode: fs.ModeDir},
			run.ActivatorGroups(os.Getuid()) + "/cgroup.procs": {},
		},
	}
	f, err := r.Read(t.Context())
	if err != nil || fmt.Sprint(f.Names()) != "[elsewhere ending running unknown]" {
		t.Fatalf("the apps are %v, %v", f.Names(), err)
	}
	for _, a := range f.Apps {
		if a.State != Online || a.Unseen != "" || asked[a.Name].Load() != 1 {
			t.Errorf("%s is %s (%q), asked %d times", a.Name, a.State, a.Unseen, asked[a.Name].Load())
		}
	}
}

// listing is a service manager with these units.
type listing struct {
	active
	units []systemd.Unit
}

func (l *listing) Units(_ context.Context, patterns ...string) (all []systemd.Unit, err error) {
	for _, u := range l.units {
		fits := func(pattern string) bool {
			// In a pattern of systemd's, a backslash is one (FNM_NOESCAPE in its
			// src/core/dbus-manager.c).
			ok, _ := path.Match(strings.ReplaceAll(pattern, `\`, `\\`), u.Name)
			return ok
		}
		if slices.ContainsFunc(patterns, fits) {
			all = append(all, u)
		}
	}
	return all, nil
}

func (l *listing) Numbers(_ context.Context, names []string) (pids, restarts map[string]int, err error) {
	pids, restarts = make(map[string]int), make(map[string]int)
	for _, name := range names {
		pids[name], restarts[name] = os.Getpid(), 7
	}
	return pids, restarts, nil
}

// A worker that is active is seen, whoever tells of it, and so is one that is not, be the
// reading brief or not; but none that is left over of an app that is well.
func TestReadWorkers(t *testing.T) {
	run := control.Manager{Runtime: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(run.Address("").Path), 0o700); err != nil {
		t.Fatal(err)
	}
	answers := map[string][]string{
		"well":      {`{"instance":0,"pid":1,"state":"ready"}`},
		"told":      {`{"instance":0,"pid":1,"state":"ready"}`},
		"restarted": {`{"instance":0,"pid":1,"state":"ready","restarts":3}`},
		"missing":   {`{"instance":0,"state":"missing"}`, `{"instance":1,"state":"missing"}`},
		"failed":    {`{"instance":0,"state":"missing"}`},
		`a\x2db`:    {`{"instance":0,"state":"missing"}`},
	}
	var all []systemd.Unit
	add := func(name, active string) { all = append(all, systemd.Unit{Name: name, Active: active}) }
	for app, workers := range answers {
		listen(t, run.Address(app), func(conn net.Conn) {
			ready := 0
			if app == "well" {
				ready = 1
			}
			_, _ = fmt.Fprintf(conn, `{"status":{"mode":"cluster","instances":1,"ready":%d,"listeners":[]}}`+"\n", ready)
			for _, worker := range workers {
				_, _ = io.WriteString(conn, `{"worker":`+worker+"}\n")
			}
			_, _ = io.WriteString(conn, `{"done":true}`+"\n")
		})
		add(units.Activator(app), "active")
	}
	add("well@0.service", "active")
	add("well@1.service", "failed")
	add("told@0.service", "active")
	add("restarted@0.service", "active")
	add("missing@1.service", "active")
	add("failed@0.service", "failed")
	add(`a\x2db@0.service`, "failed")
	add(units.Activator("dead"), "failed")
	add("dead@0.service", "active")
	add("alone@0.service", "active")
	add("alone@1.service", "deactivating")
	host := fstest.MapFS{
		"units/alone" + reloadSuffix:                                                       {Data: []byte(mark)},
		strings.TrimPrefix(run.Address("dead").Path, "/"):                                  {},
		run.ActivatorGroups(os.Getuid()) + "/" + units.Activator("well") + "/cgroup.procs": {},
	}
	for app := range answers {
		host[strings.TrimPrefix(run.Address(app).Path, "/")] = &fstest.MapFile{}
	}
	want := map[string]string{
		"well":      "0 ready ↺0; ",
		"told":      "0 ready ↺0; ",
		"restarted": "0 ready ↺7; ",
		"missing":   "0 stopped ↺0; 1 starting ↺7; ",
		"failed":    "0 failed ↺7; ",
		`a\x2db`:    "0 failed ↺7; ",
		"dead":      "0 ready ↺7; ",
		"alone":     "0 ready ↺7; 1 stopping ↺7; ",
	}
	for _, brief := range []bool{false, true} {
		r := Reader{
			Systemd: Place{&listing{units: all}, run},
			Folders: func(context.Context) ([]string, error) { return []string{"/units"}, nil },
			Runs:    func() []Place { return nil },
			Host:    host,
			Brief:   brief,
		}
		f, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, a := range f.Apps {
			for _, w := range a.Workers {
				got[a.Name] += fmt.Sprintf("%d %s ↺%d; ", w.Instance, w.State, w.Restarts)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("brief: %t: got\n%q, want\n%q", brief, got, want)
		}
	}
}

// mute is a service manager that nobody is to ask.
type mute struct{ t *testing.T }

func (m mute) Units(_ context.Context, patterns ...string) ([]systemd.Unit, error) {
	m.t.Errorf("systemd is asked for %v", patterns)
	return nil, nil
}

func (m mute) Numbers(_ context.Context, names []string) (pids, restarts map[string]int, err error) {
	m.t.Errorf("systemd is asked for the numbers of %v", names)
	return nil, nil, nil
}

func (m mute) Environment(context.Context, string) (map[string]string, error) { return nil, nil }

// Where all is well a brief reading does without systemd.
func TestReadBrief(t *testing.T) {
	run := control.Manager{Runtime: t.TempDir()}
	if err := os.Mkdir(filepath.Dir(run.Address("").Path), 0o700); err != nil {
		t.Fatal(err)
	}
	host := fstest.MapFS{"units/gopm-activator@api.service.d/" + ownDropIn: {}}
	for _, app := range []string{"api", "by-hand"} {
		listen(t, run.Address(app), func(conn net.Conn) {
			_, _ = io.WriteString(conn, `{"status":{"mode":"cluster","instances":1,"ready":1,"listeners":[]}}`+"\n"+`{"worker":{"instance":0,"pid":1,"state":"ready"}}`+"\n"+`{"done":true}`+"\n")
		})
		host[run.ActivatorGroups(os.Getuid())+"/"+units.Activator(app)+"/cgroup.procs"] = &fstest.MapFile{}
	}
	r := Reader{
		Systemd: Place{mute{t}, run},
		Folders: func(context.Context) ([]string, error) { return []string{"/units"}, nil },
		Runs:    func() []Place { return nil },
		Host:    host,
		Brief:   true,
	}
	f, err := r.Read(t.Context())
	if err != nil || fmt.Sprint(f.Names()) != "[api by-hand]" {
		t.Fatalf("the apps are %v, %v", f.Names(), err)
	}
	for _, a := range f.Apps {
		if a.State != Online || !a.Awake() || !a.Supervised || len(a.Workers) != 1 {
			t.Errorf("%s is %+v", a.Name, a)
		}
	}
}
