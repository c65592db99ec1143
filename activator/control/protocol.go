// Package control is the activator's control socket: one connection per
// request, a JSON line each way. A worker's channel comes with the answer to its
// "exec".
package control

import (
	"encoding/json"
	"fmt"
)

// Verb is what a client asks for.
type Verb string

// The verbs. Exec, Wait and Drain come from the worker's own unit.
const (
	// Exec answers with the channel of an instance.
	Exec Verb = "exec"
	// Wait answers when the instance is ready, or cannot become it.
	Wait Verb = "wait"
	// Drain answers when the instance has no request and no connection left.
	Drain Verb = "drain"
	// Reload answers when every worker has been replaced.
	Reload Verb = "reload"
	// Send gives the app of an instance, or of all, a message.
	Send Verb = "send"
	// Look answers with the app's status.
	Look Verb = "status"
)

// The verbs of a gopm run's own socket (Manager.Own), which stands in for systemd's.
// Start, Stop, Restart and Reload are jobs of a Unit there, and answer when the job
// is over.
const (
	Start   Verb = "start"
	Stop    Verb = "stop"
	Restart Verb = "restart"
	// Units answers with the units, one by one.
	Units Verb = "units"
	// Kill sends a signal to a unit's main process.
	Kill Verb = "kill"
	// Forgive has a unit forget that it failed, and how often it was started.
	Forgive Verb = "reset-failed"
	// Scale sets how many workers an app has, from the next start of its activator on.
	Scale Verb = "scale"
	// Logs answers with the lines of an app, that of the target Unit, or of all where
	// that is empty: see AskLines.
	Logs Verb = "logs"
)

// InstancesVariable is the setting of an activator that says how many workers there
// are (gopm-activator(8)), and MostWorkers far more than one has room for in its store
// (FileDescriptorStoreMax= of its unit).
const (
	InstancesVariable = "GOPM_INSTANCES"
	MostWorkers       = 1000
)

// What bounds lines, in bytes.
const (
	// MaxLine is for a line of either side.
	MaxLine = 4096
	// MaxMessage is for the client's line where that is root, or rather of the
	// activator's own user. A message of this size leaves in one piece, so that no
	// kill of the activator cuts it (unix(7) splits what is over 32 KiB).
	MaxMessage = 32 << 10
	// MaxPart is for a line of a status.
	MaxPart = 1 << 20
)

// MaxListeners bounds the descriptors that ride on an answer. The kernel takes
// 253 (SCM_MAX_FD); their names have to fit into a line.
const MaxListeners = 64

// Hello is the client's line.
type Hello struct {
	Verb     Verb `json:"gopm"`
	Instance int  `json:"instance"`
	// Invocation is systemd's ID of this run of the worker's unit
	// ($INVOCATION_ID, systemd.exec(5)).
	Invocation string `json:"invocation,omitempty"`
	// Fork: the instance to attach wants no place in a cluster.
	Fork bool `json:"fork,omitempty"`
	// TimeoutMS bounds a drain, in milliseconds.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	// Message: at the end of a drain the app is sent PM2's "shutdown". Where
	// that cannot be, the answer is an error.
	Message bool `json:"message,omitempty"`
	// All: Send is for every worker that runs, not for Instance alone.
	All bool `json:"all,omitempty"`
	// Topic makes what is sent a message of PM2's sendDataToProcessId; empty: Data
	// is the message.
	Topic string `json:"topic,omitempty"`
	// MeasureMS: for Look, the workers are asked what they measure of themselves, and
	// waited for so long, in milliseconds. 0: they are not asked.
	MeasureMS int64 `json:"measure_ms,omitempty"`
	// Data is any JSON value.
	Data json.RawMessage `json:"data,omitempty"`
	// Unit is what a job, Kill, Forgive and Scale are about, Signal what Kill sends,
	// and Count what InstancesVariable may be; empty: what the file says.
	Unit   string `json:"unit,omitempty"`
	Signal int    `json:"signal,omitempty"`
	Count  string `json:"count,omitempty"`
	// Kept: for Logs, first the lines that are kept from before. Follow: also those that
	// come, until the run or the client ends.
	Kept   bool `json:"kept,omitempty"`
	Follow bool `json:"follow,omitempty"`
}

// Answer is a line to the client. Only the last has Done.
type Answer struct {
	Progress string `json:"progress,omitempty"`
	// Listeners names the descriptors that ride on the answer to an exec (SCM_RIGHTS),
	// in their order and after the channel's: an address with a port, or a path. There
	// are some in fork mode only.
	Listeners []string `json:"listeners,omitempty"`
	Done      bool     `json:"done,omitempty"`
	Error     string   `json:"error,omitempty"`
	// Canceled: the error is that something else was asked for meanwhile, such
	// as a stop.
	Canceled bool `json:"canceled,omitempty"`
	// Denied: the client may not ask for that.
	Denied bool `json:"denied,omitempty"`
	// Roll is how far the roll is that the progress is of.
	Roll *Roll `json:"roll,omitempty"`
	// Status comes without its workers, and each of those after it.
	Status *Status `json:"status,omitempty"`
	Worker *Worker `json:"worker,omitempty"`
	// Unit is one of a gopm run's.
	Unit *Unit `json:"unit,omitempty"`
	// Said is a line that was said in it. Now comes once, before those that have come
	// since somebody asked.
	Said *Said `json:"said,omitempty"`
	Now  bool  `json:"now,omitempty"`
}

// Line is v as one line of JSON.
func Line(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("control: %v", err)) // Hello and Answer always marshal
	}
	return append(data, '\n')
}
