package plots

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/bench/results"
)

// TestDraw draws all plots of a run with two peers.
func TestDraw(t *testing.T) {
	r := &results.Results{Peers: []string{"gopm", "the limit"}}
	for i, peer := range r.Peers {
		for _, c := range []string{"keep-alive", "TLS"} {
			r.Add(results.Sample{Measure: "throughput", Case: c, Metric: "requests", Peer: peer, Value: float64(100 + i)})
		}
		r.Add(results.Sample{Measure: "fairness", Case: "64 connections", Metric: "max/min", Peer: peer, Value: float64(1 + i)})
		r.Timelines = append(r.Timelines, results.Timeline{Peer: peer, Begun: time.Second, Ended: 2 * time.Second, Points: []results.Point{
			{At: 0, Calls: 1, Worst: time.Millisecond}, {At: time.Second, Calls: 2, Worst: 90 * time.Millisecond, Failed: i}, {At: 2 * time.Second},
		}})
	}
	dir := t.TempDir()
	if err := Draw(dir, r); err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string]string{
		"throughput.svg": "keep-alive",
		"fairness.svg":   "the limit",
		"reload.svg":     "the limit, 1 request failed, complete after 1s",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), words) {
			t.Errorf("%s: no %q in %d bytes, %v", name, words, len(text), err)
		}
	}
}

// TestDrawNothing: a run of other measures has no plots.
func TestDrawNothing(t *testing.T) {
	dir := t.TempDir()
	if err := Draw(dir, &results.Results{Peers: []string{"gopm"}}); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("got %v, %v", files, err)
	}
}
