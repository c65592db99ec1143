package control

import "encoding/json"

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
	// Restarts is how often it was started again after it had ended by itself. As
	// the PID, it is not known of one that is missing.
	Restarts int `json:"restarts"`
	// What the app has told PM2, as it thinks, by process.send({type, data}):
	// axm:monitor by name, the names of axm:action, axm:option:configuration by key,
	// and the newest data of each other type.
	Metrics       map[string]Metric          `json:"metrics,omitempty"`
	Actions       []string                   `json:"actions,omitempty"`
	Configuration map[string]json.RawMessage `json:"configuration,omitempty"`
	Messages      map[string]json.RawMessage `json:"messages,omitempty"`
	// Measures is nil where the worker was not asked, or did not answer in time.
	Measures *Measures `json:"measures,omitempty"`
}

// Measures are what a worker's process measures of itself. Pointers are nil where
// it does not know.
type Measures struct {
	// HeapUsed and HeapTotal are V8's, External what its objects hold outside of
	// it (process.memoryUsage() of Node), in bytes.
	HeapUsed  int64 `json:"heap_used"`
	HeapTotal int64 `json:"heap_total"`
	External  int64 `json:"external"`
	// Requests is how many its HTTP servers have got since its start, and
	// RequestsPerSecond how many in a second, of the last ten or so.
	Requests          int64   `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	// Connections and ActiveRequests are of its servers that take part in a drain:
	// what is open, and what waits for an answer.
	Connections    *int `json:"connections,omitempty"`
	ActiveRequests *int `json:"active_requests,omitempty"`
	// The rest is measured for 30 s after each question, so the first has no answer.

	// Latency is from the request to the end of the answer, of the last ten seconds.
	Latency *Latency `json:"latency_ms,omitempty"`
	// EventLoopDelay is how late timers are, of the last five seconds or so.
	EventLoopDelay *Delay `json:"event_loop_delay_ms,omitempty"`
	// EventLoopUtilization is the part of that time in which the loop works, 0 to 1.
	EventLoopUtilization *float64 `json:"event_loop_utilization,omitempty"`
}

// Latency is in milliseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P95  float64 `json:"p95"` // the 95th percentile
}

// Delay is in milliseconds.
type Delay struct {
	Mean float64 `json:"mean"`
	P99  float64 `json:"p99"` // the 99th percentile
	Max  float64 `json:"max"`
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
