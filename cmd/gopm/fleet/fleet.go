// Package fleet is what can be seen of the apps on a machine: what systemd, the
// activators and the kernel know of them, put together.
package fleet

import (
	"path"
	"slices"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/units"
)

// Fleet is all apps at one time.
type Fleet struct {
	Apps []App // by name
	// Limited is why there is less to see than root sees; nil where there is not.
	Limited error
}

// State is what an app does as a whole.
type State string

// The states of an app.
const (
	Online   State = "online"   // every worker is ready
	Partial  State = "partial"  // some are
	Starting State = "starting" // none is yet
	Stopping State = "stopping"
	Failed   State = "failed"  // none is, and one has failed
	Stopped  State = "stopped" // it was not started, or was stopped
)

// The states of a worker beside those of control, as systemd knows them.
const (
	WorkerFailed     control.State = "failed"     // systemd does not start it any more
	WorkerRestarting control.State = "restarting" // it has ended, and systemd will start it again
	WorkerStopping   control.State = "stopping"
	WorkerStopped    control.State = "stopped"
)

// App is one app. Its names in JSON are promised by gopm(1).
type App struct {
	// Name is what its units are called by, and Title its name in the ecosystem
	// file, which may have characters that no unit's has.
	Name  string `json:"app"`
	Title string `json:"title"`
	State State  `json:"state"`
	// Mode is "cluster" or "fork"; empty where only the activator knows, and does
	// not say.
	Mode string `json:"mode"`
	// Supervised: it has an activator.
	Supervised bool `json:"supervised"`
	// Instances is how many workers there should be, 0 where that is not known, and
	// Ready how many may get connections.
	Instances int `json:"instances"`
	Ready     int `json:"ready"`
	// Roll is what goes on; nil where nothing does, as far as known.
	Roll *control.Roll `json:"roll"`
	// Aborted is why the last roll was aborted; empty where it was not.
	Aborted   string             `json:"aborted"`
	Workers   []Worker           `json:"workers"`
	Listeners []control.Listener `json:"listeners"`
	// Unseen is why nothing of this is from the activator; empty where it is.
	Unseen string `json:"unseen,omitempty"`
	// Run is the folder of the gopm run that has the app; empty where systemd has it.
	Run string `json:"run,omitempty"`

	awake bool
}

// Worker is one instance of an app.
type Worker struct {
	control.Worker
	// Began is when its main process did.
	Began time.Time `json:"began,omitzero"`
	// CPU is what that takes, in percent of one CPU, and Memory its resident size in
	// bytes, which max_memory_restart is about too; nil where it is not known.
	CPU    *float64 `json:"cpu,omitempty"`
	Memory *int64   `json:"memory,omitempty"`
}

// Runs tells whether the worker has a process.
func (w Worker) Runs() bool { return w.PID != 0 }

// Target is the app's unit: what people start and stop.
func (a App) Target() string { return a.Name + ".target" }

// Activator is the unit of the app's activator.
func (a App) Activator() string { return units.Activator(a.Name) }

// Reloader is the unit whose reload is one of the app.
func (a App) Reloader() string {
	if a.Supervised {
		return a.Activator()
	}
	return a.Name + reloadSuffix
}

// Worker is the worker of an instance; false where there is none.
func (a App) Worker(instance int) (Worker, bool) {
	i := slices.IndexFunc(a.Workers, func(w Worker) bool { return w.Instance == instance })
	if i < 0 {
		return Worker{}, false
	}
	return a.Workers[i], true
}

// ID tells an app from each other: systemd and each gopm run may have one of a name.
type ID struct{ Name, Run string }

// ID is the app's.
func (a App) ID() ID { return ID{a.Name, a.Run} }

// Lacks tells that an app has no such instance, nor a surge worker of that number. Only
// its activator knows how many there are.
func (a App) Lacks(instance int) bool {
	_, ok := a.Worker(instance)
	return !ok && instance >= a.Instances && a.Supervised && a.awake && a.Unseen == ""
}

// FullName is the app's name that no other has, such as systemd/my-api or
// run-1234/my-api: whose it is comes first.
func (a App) FullName() string {
	if a.Run == "" {
		return "systemd/" + a.Name
	}
	return path.Base(a.Run) + "/" + a.Name
}

// Find are the apps of a name: that of their units, the full one, or their own.
func (f Fleet) Find(name string) []App {
	for _, other := range []func(App) bool{
		func(a App) bool { return a.Name != name },
		func(a App) bool { return a.FullName() != name },
		func(a App) bool { return a.Title != name },
	} {
		if found := slices.DeleteFunc(slices.Clone(f.Apps), other); len(found) > 0 {
			return found
		}
	}
	return nil
}

// Again is an app of another reading.
func (f Fleet) Again(app App) (App, bool) {
	i := slices.IndexFunc(f.Apps, func(a App) bool { return a.ID() == app.ID() })
	if i < 0 {
		return App{}, false
	}
	return f.Apps[i], true
}

// All is what every app is called.
const All = "all"

// Names are those of the apps' units, each in full where another app is called so too.
func (f Fleet) Names() []string {
	count := map[string]int{All: 1}
	for _, a := range f.Apps {
		count[a.Name]++
	}
	var names []string
	for _, a := range f.Apps {
		if count[a.Name] > 1 {
			names = append(names, a.FullName())
			continue
		}
		names = append(names, a.Name)
	}
	return names
}

// reloadSuffix ends the name of the unit that reloads an app without an activator.
const reloadSuffix = "-reload.service"

// Awake tells whether the app's activator may be asked: where it does not run,
// that would start it.
func (a App) Awake() bool { return a.awake }
