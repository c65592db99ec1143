package control

import (
	"context"
	"encoding/json"
	"errors"
)

// Status is what an activator knows of its app. The names of its fields in JSON
// are promised by gopm-activator(8).
type Status struct {
	App string `json:"app"`
	// Mode is "cluster" or "fork".
	Mode string `json:"mode"`
	// Instances is how many there should be, and Ready how many of those may
	// get connections.
	Instances int `json:"instances"`
	Ready     int `json:"ready"`
	// Roll is what goes on; nil where nothing does.
	Roll *Roll `json:"roll"`
	// Aborted is why the last roll was aborted; empty where it was not.
	Aborted string `json:"aborted"`
	// Workers are by instance: all that there should be, and surge workers.
	Workers   []Worker   `json:"workers"`
	Listeners []Listener `json:"listeners"`
}

// Roll is the progress of a reload or the like.
type Roll struct {
	Reason string `json:"reason"`
	Done   int    `json:"done"`
	Total  int    `json:"total"`
	// Doing is the job that systemd has now.
	Doing string `json:"doing"`
}

// State is what a worker does.
type State string

// The states. All but Ready get no new connections, and Sick gets them only
// where every worker is sick.
const (
	Missing  State = "missing"  // it has no process, as far as the activator knows
	Starting State = "starting" // it is not ready yet
	Settling State = "settling" // it is ready, and has to show that it stays up
	Ready    State = "ready"
	Sick     State = "sick"    // it fails its health check
	Stalled  State = "stalled" // it leaves, and does not accept what waits for it
	Draining State = "draining"
)

// Worker is one instance.
type Worker struct {
	Instance int    `json:"instance"`
	Unit     string `json:"unit"`
	PID      int    `json:"pid"` // 0 where it is missing
	State    State  `json:"state"`
	// What the app has told PM2, as it thinks, by process.send({type, data}):
	// axm:monitor by name, the names of axm:action, axm:option:configuration by key,
	// and the newest data of each other type.
	Metrics       map[string]Metric          `json:"metrics,omitempty"`
	Actions       []string                   `json:"actions,omitempty"`
	Configuration map[string]json.RawMessage `json:"configuration,omitempty"`
	Messages      map[string]json.RawMessage `json:"messages,omitempty"`
}

// Metric is one of axm:monitor, under PM2's names.
type Metric struct {
	// Value is a number or a string, as the app sends it.
	Value json.RawMessage `json:"value,omitempty"`
	Unit  string          `json:"unit,omitempty"`
	Type  string          `json:"type,omitempty"`
	// Historic and AggType are for who draws it or sums it up.
	Historic bool   `json:"historic,omitempty"`
	AggType  string `json:"agg_type,omitempty"`
}

// Listener is one address that workers accept on.
type Listener struct {
	Address string `json:"address"`
	// Protocol is "tcp", "udp" or "unix".
	Protocol string `json:"protocol"`
	// Declared: by a socket unit. Else the app asked for it.
	Declared bool `json:"declared"`
	// Waiting is how many connections wait until any worker is there, and Queued
	// how many for each instance in turn. Only TCP has them.
	Waiting int   `json:"waiting"`
	Queued  []int `json:"queued,omitempty"`
}

// AskStatus asks an activator for its status. It is sent in parts, one line each:
// no line is longer than what one worker has told.
func AskStatus(ctx context.Context, at Address) (Status, error) {
	var status *Status
	err := ask(ctx, at, Hello{Verb: Look}, func(answer Answer) {
		switch {
		case answer.Status != nil:
			status = answer.Status
		case answer.Worker != nil && status != nil:
			status.Workers = append(status.Workers, *answer.Worker)
		}
	})
	if err == nil && status == nil {
		err = errors.New("the activator answers nothing; is it of another version?")
	}
	if err != nil {
		return Status{}, err
	}
	return *status, nil
}
