// Package results has what a run of the benchmark found, the table that it prints
// and the file that it leaves.
package results

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/gopm/gopm/test/pm2"
)

// The peers that something depends on by name.
const (
	Ours  = "gopm"
	PM2   = "PM2 " + pm2.Version
	Limit = "the limit"
)

// Results are all of one run.
type Results struct {
	Host      Host              `json:"host"`
	Earlier   map[string]Host   `json:"earlier,omitempty"` // where the measures are from that were kept
	Settings  any               `json:"settings"`          // what was measured for how long
	Peers     []string          `json:"peers"`             // gopm first and the limit last
	About     map[string]string `json:"about"`             // each measure, in a sentence
	Samples   []Sample          `json:"samples"`
	Timelines []Timeline        `json:"timelines,omitempty"`
	Published []Published       `json:"published"`
}

// A Sample is one figure of one peer in one round.
type Sample struct {
	Measure string  `json:"measure"`        // such as "throughput"
	Case    string  `json:"case,omitempty"` // such as "keep-alive"
	Metric  string  `json:"metric"`         // such as "requests"
	Unit    string  `json:"unit,omitempty"` // such as "1/s"; Failed counts requests
	Peer    string  `json:"peer"`
	Round   int     `json:"round"`
	Value   float64 `json:"value"`
	Of      float64 `json:"of,omitempty"` // requests that were sent, beside Failed
}

// Failed is the metric that counts requests: it is summed up, others have a
// median.
const Failed = "failed"

// A Timeline is what callers met while the workers were replaced.
type Timeline struct {
	Peer   string        `json:"peer"`
	Begun  time.Duration `json:"begun_ns"` // when the reload did
	Ended  time.Duration `json:"ended_ns"`
	Points []Point       `json:"points"`
}

// A Point is what the callers met who came within one step of time.
type Point struct {
	At     time.Duration `json:"at_ns"` // since the first caller
	Calls  int           `json:"calls"`
	Worst  time.Duration `json:"worst_ns"` // the longest that one waited
	Failed int           `json:"failed"`
}

// Published is what somebody else measured elsewhere.
type Published struct {
	Of     string `json:"of"`
	Figure string `json:"figure"`
	From   string `json:"from"`
}

// Add adds a figure.
func (r *Results) Add(s Sample) { r.Samples = append(r.Samples, s) }

// Keep takes over from an earlier run what this one did not measure.
func (r *Results) Keep(earlier *Results) {
	measured := map[string]bool{}
	for _, s := range r.Samples {
		measured[s.Measure] = true
	}
	r.Earlier = map[string]Host{}
	for _, s := range earlier.Samples {
		if measured[s.Measure] {
			continue
		}
		r.Samples = append(r.Samples, s)
		r.Earlier[s.Measure] = earlier.Host
		if host, found := earlier.Earlier[s.Measure]; found {
			r.Earlier[s.Measure] = host
		}
	}
	all := slices.Clone(earlier.Peers)
	for _, p := range r.Peers {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	r.Peers = all
	if len(r.Timelines) == 0 {
		r.Timelines = earlier.Timelines
	}
}

// of are the figures of one peer, in the order in which they were taken.
func (r *Results) of(measure, where, metric, peer string) []Sample {
	var out []Sample
	for _, s := range r.Samples {
		if s.Measure == measure && s.Case == where && s.Metric == metric && s.Peer == peer {
			out = append(out, s)
		}
	}
	return out
}

// Median is the median of a peer's figures, and whether there is any.
func (r *Results) Median(measure, where, metric, peer string) (float64, bool) {
	values := sorted(r.of(measure, where, metric, peer))
	if len(values) == 0 {
		return 0, false
	}
	return median(values), true
}

func sorted(samples []Sample) []float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, s.Value)
	}
	slices.Sort(values)
	return values
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Write writes all of it as JSON.
func (r *Results) Write(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// Read reads what Write wrote.
func Read(name string) (*Results, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := &Results{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return r, nil
}

// OxMgr is a manager written in Rust that is in none of the registries used here:
// its figures are those that its authors published in 2026.
func OxMgr() []Published {
	const from = "published by OxMgr, not run here"
	return []Published{
		{"OxMgr (Rust)", "daemon 6.5 to 10 MB", from},
		{"OxMgr (Rust)", "crash to a new pid 3 ms", from},
		{"OxMgr (Rust)", "crash to ready 35 ms", from},
		{"OxMgr (Rust)", "list of 100 processes 3 ms", from},
	}
}

// Cases are those of a measure that have a metric, in the order in which they were
// measured.
func (r *Results) Cases(measure, metric string) []string {
	var out []string
	for _, s := range r.Samples {
		if s.Measure == measure && s.Metric == metric && !slices.Contains(out, s.Case) {
			out = append(out, s.Case)
		}
	}
	return out
}
