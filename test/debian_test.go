package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/machine"
	"github.com/gopm/gopm/test/site"
	"github.com/gopm/gopm/units"
	"github.com/gopm/gopm/units/verify"
)

// The main points again, under another release's systemd.
func TestDebian13(t *testing.T) {
	o := four
	o.Debian = "trixie"
	s := boot(t, o)
	s.unitFolders()
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	r := s.under(load.PerRequest, func() {
		s.must(s.Kill(t.Context(), site.Activator, "KILL"))
		s.settled()
		if now := s.exactly(workers); !maps.Equal(now, old) {
			t.Errorf("workers are %v, want the old ones %v", now, old)
		}
		s.must(s.Reload(t.Context()))
		s.replaced(old)
	})
	s.lossless(r)
	s.systemctl("stop", site.Target)
	s.stopped()
	s.stopsWhileItStarts()
	s.must(s.Start(t.Context()))
	s.exactly(workers)
}

// TestArchivesVerify asks another release's systemd about the units of all
// conversions that gopm-gen is tested with. It knows all directives, those of
// --systemd-version too: every line is a failure.
func TestArchivesVerify(t *testing.T) {
	names, err := filepath.Glob("../cmd/gopm-gen/testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("find archives: %v, %d found", err, len(names))
	}
	roots := t.TempDir()
	var script strings.Builder
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var set units.Set
		for _, f := range archive.Files {
			rest, wanted := strings.CutPrefix(f.Name, "want/")
			if !wanted || !strings.HasPrefix(rest, units.SystemDir+"/") {
				continue
			}
			if err := set.Add(rest, strings.ReplaceAll(string(f.Data), "$WORK", "/srv/work")); err != nil {
				t.Fatal(err)
			}
		}
		if len(set.Files()) == 0 {
			continue
		}
		base := strings.TrimSuffix(filepath.Base(name), ".txtar")
		if err := verify.Stage(filepath.Join(roots, base), &set, os.DirFS("../units")); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&script, "echo %s:; systemd-analyze verify --man=no --root=/srv/archives/%s %s 2>&1\n", base, base, strings.Join(verify.Names(&set), " "))
	}
	// The machine's root looks into it.
	if err := os.Chmod(filepath.Dir(roots), 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := machine.Boot(t.Context(), machine.Options{Release: "trixie", Binds: map[string]string{"/srv/archives": roots}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	out, err := m.Run(t.Context(), "sh", "-c", script.String()+"true")
	if err != nil {
		t.Fatal(err)
	}
	archive, judged := "", 0
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutSuffix(strings.TrimSpace(line), ":"); ok && !strings.Contains(rest, " ") {
			archive, judged = rest, judged+1
			continue
		}
		t.Errorf("%s: %s", archive, strings.TrimSpace(line))
	}
	if judged != strings.Count(script.String(), "\n") {
		t.Errorf("%d archives were judged", judged)
	}
}
