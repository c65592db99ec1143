package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/bench/measures"
	"github.com/gopm/gopm/test/bench/results"
)

// bench runs it quickly, so that it cannot rot. No timing decides anything.
func bench(t *testing.T, args ...string) (table string, r *results.Results) {
	t.Helper()
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), append(args, "-quick", "-out", out), &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	r, err := results.Read(out + "/results.json")
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), r
}

// TestMeasures makes each measure of gopm.
func TestMeasures(t *testing.T) {
	var only []string
	for _, m := range measures.All() {
		only = append(only, m.Name)
	}
	table, r := bench(t, "-peers", "gopm", "-only", strings.Join(only, ","))
	for _, name := range only {
		if !strings.Contains(table, "\n### "+name+"\n") {
			t.Errorf("nothing of %s in\n%s", name, table)
		}
	}
	for _, s := range r.Samples {
		if s.Metric == results.Failed && s.Of == 0 {
			t.Errorf("%s: %s: nobody asked", s.Measure, s.Case)
		}
	}
	if r.Host.CPU == "" || r.Host.Node == "" || r.Host.Systemd == "" || r.Host.Nginx == "" || r.Host.Commit == "" {
		t.Errorf("the host is not described: %+v", r.Host)
	}
}

// TestPeers measures each peer once.
func TestPeers(t *testing.T) {
	table, r := bench(t, "-only", "crashed")
	if len(r.Peers) != 6 {
		t.Errorf("there are %d peers: %v", len(r.Peers), r.Peers)
	}
	for _, name := range r.Peers {
		if _, found := r.Median("crashed", "", "to a ready worker", name); !found {
			t.Errorf("no figure of %s in\n%s", name, table)
		}
	}
}

// TestReadme: the figures in the pages are those of the run that is kept.
func TestReadme(t *testing.T) {
	const folder = "../../bench"
	r, err := results.Read(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"../../README.md", folder + "/README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := r.Rewrite(string(text)); err != nil || want != string(text) {
			t.Errorf("the tables in %s are not those of bench/results.json: make readme (%v)", page, err)
		}
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-only", "reload,killed", "-peers", "gopm,pm2", "-quick", "-rounds", "2"}, io.Discard)
	if err != nil || !o.wants("killed") || o.wants("broken") || o.Rounds != 2 || o.Reloads != measures.Quick().Reloads {
		t.Errorf("got %+v, %v", o, err)
	}
	for want, args := range map[string][]string{
		`there are no arguments, only flags: "reload"`: {"reload"},
		`-only: there is no measure "speed", only throughput, fairness, reload, timeline, killed, broken, hung, crashed, blocked, size, apps, first start, selectors, conversion, ls`: {"-only", "speed"},
	} {
		if _, err := parse(args, io.Discard); err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", args, err, want)
		}
	}
}
