// Package agent_test runs the agent in real Node workers. Where a test sleeps,
// the sleep is the case (a client that lets time pass), never its verdict.
package agent_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/gopm/gopm/test/nodes"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait for the agent's patience to end, so many can run
	// at once whatever the number of CPUs is.
	if err := flag.Set("test.parallel", "20"); err != nil {
		panic(err)
	}
	// Only Node opens the scripts. Without this, go test would not know that a
	// result it has cached depends on them.
	for _, folder := range []string{".", "testdata"} {
		if _, err := os.ReadDir(folder); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// onEach runs a test in parallel on each supported version of Node.
func onEach(t *testing.T, test func(t *testing.T, major int)) {
	t.Parallel()
	for _, major := range nodes.Supported() {
		t.Run(fmt.Sprintf("node%d", major), func(t *testing.T) {
			t.Parallel()
			test(t, major)
		})
	}
}

func TestAgentDoesNotKeepAScriptAlive(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "unref.cjs")
		if code, out := w.exitCode(), w.output.String(); code != 0 || out != "" {
			t.Errorf("the worker exited with %d and printed %q, want 0 and nothing", code, out)
		}
	})
}

func TestAgentIsInertInChildrenAndThreads(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "inherit.cjs", "GOPM_LOG_TYPE=plain", "GOPM_LOG_NAME=my-api")
		wanted := map[event]bool{
			`{"who":"worker","files":["agent.cjs","datagrams.cjs","dates.cjs","disk.cjs","drain.cjs","http2.cjs","logs.cjs","measures.cjs"]}`: true,
			`{"who":"forked","files":["agent.cjs"]}`:  true,
			`{"who":"spawned","files":["agent.cjs"]}`: true,
			`{"who":"thread","files":["agent.cjs"]}`:  true,
		}
		for len(wanted) > 0 {
			told := w.next()
			if !wanted[told] {
				t.Fatalf("told %s, want one of %v", told, wanted)
			}
			delete(wanted, told)
		}
	})
}
