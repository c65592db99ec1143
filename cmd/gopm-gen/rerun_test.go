package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// workshop is a folder in which the command is run again and again.
type workshop struct {
	dir     string
	environ map[string]string
}

func newWorkshop(t *testing.T) workshop {
	t.Helper()
	return workshop{t.TempDir(), map[string]string{}}
}

// apps writes ecosystem.config.js.
func (w workshop) apps(t *testing.T, list string) {
	t.Helper()
	write(t, filepath.Join(w.dir, "ecosystem.config.js"), []byte("module.exports = { apps: ["+list+"] }"))
}

// run runs the command; $WORK stands for the folder in what it prints.
func (w workshop) run(t *testing.T, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := command{stdout: &out, stderr: &errs, version: "1", host: ecosystem.Host{Files: os.DirFS("/"), Dir: w.dir, CPUs: 2, Home: "/home/dev", Environ: w.environ}}
	exit = c.run(t.Context(), args)
	return strings.ReplaceAll(out.String(), w.dir, workName), strings.ReplaceAll(errs.String(), w.dir, workName), exit
}

// ok runs the command, which has to succeed.
func (w workshop) ok(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, exit := w.run(t, args...)
	if exit != exitOK || stderr != "" {
		t.Fatalf("exit code %d: %s", exit, stderr)
	}
	return stdout
}

// units lists the written targets and templates by their last names.
func (w workshop) units(t *testing.T) []string {
	t.Helper()
	var out []string
	for name := range walk(t, w.dir) {
		if strings.HasSuffix(name, ".target") || strings.HasSuffix(name, "@.service") || strings.HasSuffix(name, "mine.service") {
			out = append(out, filepath.Base(name))
		}
	}
	slices.Sort(out)
	return out
}

const twoApps = `{ name: 'api', script: 'a.js', user: 'me' }, { name: 'api-job', script: 'b.js', user: 'me' }`

func TestRerunRemovesWhatItNoLongerWants(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'api', script: 'a.js', exec_mode: 'cluster', port: 3000, user: 'me' }`)
	w.ok(t)
	write(t, filepath.Join(w.dir, "gopm-units/usr/lib/systemd/system/mine.service"), []byte("[Service]\n"))
	w.apps(t, `{ name: 'job', script: 'a.js', user: 'me' }`)
	stdout := w.ok(t)
	if got, want := w.units(t), []string{"job.target", "job@.service", "mine.service"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, got, _ := strings.Cut(stdout, "removed, as")
	const want = ` no app needs them any more:
  gopm-units/usr/lib/systemd/system-preset/80-gopm-api.preset
  gopm-units/usr/lib/systemd/system/api.socket
  gopm-units/usr/lib/systemd/system/api.target
  gopm-units/usr/lib/systemd/system/api@.service
  gopm-units/usr/lib/systemd/system/gopm-activator@api.service.d/10-gopm.conf

next:
  sudo systemctl disable --now api.socket api.target
  sudo rm -f /usr/lib/systemd/system-preset/80-gopm-api.preset /usr/lib/systemd/system/api.socket /usr/lib/systemd/system/api.target /usr/lib/systemd/system/api@.service /usr/lib/systemd/system/gopm-activator@api.service.d/10-gopm.conf
  sudo cp -r gopm-units/usr /
  sudo systemctl daemon-reload
  sudo systemctl enable --now job.target
`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "gopm-units/usr/lib/systemd/system/gopm-activator@api.service.d")); err == nil {
		t.Error("an empty drop-in folder stays")
	}
}

func TestRerunWithAnotherPrefix(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, twoApps)
	w.ok(t, "--prefix", "x-")
	w.ok(t, "--prefix", "y-")
	if got, want := w.units(t), []string{"y-api-job.target", "y-api-job@.service", "y-api.target", "y-api@.service"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnlyLeavesTheOthers: with --only, what the chosen app needs no longer
// goes, and nothing of an app whose name begins with the same letters.
func TestOnlyLeavesTheOthers(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'api', script: 'a.js', exec_mode: 'cluster', port: 3000, user: 'me', post_update: ['true'] },
		{ name: 'api-update', script: 'b.js', user: 'me' }, { name: 'api-job', script: 'b.js', user: 'me' }`)
	w.ok(t)
	w.apps(t, `{ name: 'api', script: 'a.js', user: 'me' }`)
	w.ok(t, "--only", "api")
	want := []string{"api-job.target", "api-job@.service", "api-update.target", "api-update@.service", "api.target", "api@.service"}
	if got := w.units(t); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	w.ok(t)
	if got, want := w.units(t), []string{"api.target", "api@.service"}; !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestEveryFileBelongsToItsApp: --only knows the names of all files that an app
// can have.
func TestEveryFileBelongsToItsApp(t *testing.T) {
	for _, c := range conversions(t) {
		if c.exit != exitOK || slices.Contains(c.args, "attributes") {
			continue
		}
		work := t.TempDir()
		for _, f := range c.inputs {
			write(t, filepath.Join(work, f.Name), f.Data)
		}
		host := ecosystem.Host{Files: disk{work, c.machine}, Dir: work, CPUs: 4, Environ: map[string]string{}}
		f, err := parseFlags(c.args, work, nil)
		if err != nil || f.file == "" || f.file == stdin {
			continue
		}
		file, problems := ecosystem.Load(t.Context(), host, f.file, ecosystem.Options{Root: f.root, Env: f.env})
		if len(problems) > 0 {
			continue // TestConvert tells
		}
		result, _ := generator.Generate(file, generator.Options{Root: "/srv", Listen: f.listen, Prefix: f.prefix, User: f.user})
		for _, app := range result.Report.Apps {
			for _, name := range app.Files {
				if isNamespace(name, f.prefix, file.Apps) {
					continue
				}
				for _, other := range result.Report.Apps {
					if got := belongs(name, other.Unit); got != (other.Unit == app.Unit) {
						t.Errorf("%s: %s belongs to %s: %v", c.name, name, other.Unit, got)
					}
				}
			}
		}
	}
}

func TestRefusesWhatItDidNotWrite(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, twoApps)
	write(t, filepath.Join(w.dir, "out/usr/lib/systemd/system/api.target"), []byte("[Unit]\n"))
	before := walk(t, w.dir)
	want := "gopm-gen: error: write $WORK/out/usr/lib/systemd/system/api.target: somebody else wrote the file that is there\n" +
		"hint: move it away, or give all units a prefix: --prefix app-; nothing was changed\n"
	for _, args := range [][]string{{"--output", "out"}, {"--output", "out", "--diff"}, {"--output", "out", "--dry-run"}} {
		stdout, stderr, exit := w.run(t, args...)
		if exit != exitInput || stderr != want || stdout != "" {
			t.Errorf("%q: exit code %d\n%s%s", args, exit, stdout, stderr)
		}
	}
	if after := walk(t, w.dir); !maps.Equal(before, after) {
		t.Errorf("got %q, want %q", after, before)
	}
	_, stderr, _ := w.run(t, "--output", "out", "--json")
	want = `{
  "errors": [
    {
      "file": "ecosystem.config.js",
      "text": "write $WORK/out/usr/lib/systemd/system/api.target: somebody else wrote the file that is there",
      "hint": "move it away, or give all units a prefix: --prefix app-; nothing was changed"
    }
  ]
}
`
	if stderr != want {
		t.Errorf("got %s\nwant %s", stderr, want)
	}
}

// TestRefusesUnitsOfAnotherFile: two projects with an app of one name do not
// overwrite each other's units, and one that was moved replaces its own.
func TestRefusesUnitsOfAnotherFile(t *testing.T) {
	w := newWorkshop(t)
	other := filepath.Join(w.dir, "other", "ecosystem.config.js")
	w.apps(t, twoApps)
	write(t, other, []byte("exports.apps = "+twoApps))
	for _, args := range [][]string{{"--output", "out"}, {"--output", "gone", "--app-root", "/srv/a"}} {
		if _, stderr, exit := w.run(t, args...); exit != exitOK {
			t.Fatal(stderr)
		}
	}
	for _, tc := range []struct {
		args []string
		from string // empty: it may
	}{
		{[]string{"--output", "out"}, ""},
		{[]string{"--output", "out", "other/ecosystem.config.js"}, "$WORK/ecosystem.config.js"},
		{[]string{"--output", "gone", "--app-root", "/srv/b", "other/ecosystem.config.js"}, "/srv/a/ecosystem.config.js"},
		{[]string{"--output", "gone"}, ""}, // from where it was to be to where it is
	} {
		_, stderr, exit := w.run(t, tc.args...)
		if tc.from == "" {
			if exit != exitOK {
				t.Errorf("%q: exit code %d\n%s", tc.args, exit, stderr)
			}
			continue
		}
		want := "the file that is there was made from " + tc.from + "\nhint: move it away, or give all units a prefix: --prefix app-; nothing was changed\n"
		if exit != exitInput || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d\n%s", tc.args, exit, stderr)
		}
	}
}

func TestDestDir(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'api', script: 'a.js', user: 'me' }`)
	w.environ["DESTDIR"] = filepath.Join(w.dir, "debian/tmp")
	_, got, _ := strings.Cut(w.ok(t, "--app-root", "/srv/api"), "next, ")
	const want = `on the machine that installs the package:
  sudo systemctl daemon-reload
  sudo systemctl enable --now api.target
`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "debian/tmp/usr/lib/systemd/system/api.target")); err != nil {
		t.Error(err)
	}
	if got := w.units(t); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// TestDiff: none, then one of each kind; what it prints is what the next run
// does.
func TestDiff(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, strings.ReplaceAll(twoApps, ".js", ".sh"))
	w.ok(t, "--output", "out")
	if stdout, stderr, exit := w.run(t, "--diff", "--output", "out"); stdout+stderr != "" || exit != exitOK {
		t.Errorf("exit code %d, %s%s", exit, stdout, stderr)
	}
	w.apps(t, `{ name: 'api', script: 'c.sh', user: 'me' }, { name: 'new', script: 'n.sh', user: 'me' }`)
	before := walk(t, w.dir)
	stdout, stderr, exit := w.run(t, "--diff", "--output", "out")
	if exit != exitInput || stderr != "" {
		t.Errorf("exit code %d, %s", exit, stderr)
	}
	var got []string
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "diff ") && !strings.Contains(line, "preset") && !strings.Contains(line, "-reload.") || !strings.Contains(line, "/usr/bin/true") && strings.Contains(line, "ExecStart=") {
			got = append(got, strings.ReplaceAll(strings.TrimSpace(line), "$WORK/out/usr/lib/systemd/system/", ""))
		}
	}
	want := []string{
		"diff api-job.target /dev/null", "diff api-job@.service /dev/null", "-ExecStart=bash $WORK/b.sh",
		"diff api@.service api@.service", "-ExecStart=bash $WORK/a.sh", "+ExecStart=bash $WORK/c.sh",
		"diff /dev/null new.target", "diff /dev/null new@.service", "+ExecStart=bash $WORK/n.sh",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if after := walk(t, w.dir); !maps.Equal(before, after) {
		t.Error("it wrote something")
	}
	stdout, _, exit = w.run(t, "--diff", "--json", "--output", "out")
	if exit != exitInput || !strings.Contains(stdout, `"change": "remove",`) || !strings.Contains(stdout, `"change": "keep"`) || !strings.Contains(stdout, `+ExecStart=bash $WORK/n.sh`) {
		t.Errorf("exit code %d\n%s", exit, stdout)
	}
}

// TestKilledHalfWay kills the real program again and again while it writes one
// of two releases over the other. Each file is whole at any time, and the next
// run that lives makes all of it right.
func TestKilledHalfWay(t *testing.T) {
	w := newWorkshop(t)
	releases := []map[string]string{}
	var lists []string
	for _, script := range []string{"old.js", "new.js"} {
		var list []string
		for _, name := range strings.Split("abcdefghijkl", "") {
			list = append(list, "{ name: 'app-"+name+"', script: '"+script+"', user: 'me' }")
		}
		lists = append(lists, strings.Join(list, ","))
		w.apps(t, lists[len(lists)-1])
		w.ok(t, "--output", "out")
		releases = append(releases, walk(t, filepath.Join(w.dir, "out")))
	}
	begin := time.Now()
	w.ok(t, "--output", "out")
	whole := max(time.Since(begin), time.Millisecond)
	killed := 0
	for i := range 40 {
		w.apps(t, lists[i%2])
		cmd := exec.CommandContext(t.Context(), os.Args[0], "--output", "out")
		cmd.Dir = w.dir
		cmd.Env = append(os.Environ(), asMain+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(whole*time.Duration(i)/10, func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		kill.Stop()
		now := walk(t, filepath.Join(w.dir, "out"))
		for name := range releases[0] {
			if now[name] != releases[0][name] && now[name] != releases[1][name] {
				t.Fatalf("%s is\n%s", name, now[name])
			}
		}
	}
	if killed == 0 {
		t.Error("no run was killed")
	}
	w.apps(t, lists[1])
	w.ok(t, "--output", "out")
	if now := walk(t, filepath.Join(w.dir, "out")); !maps.Equal(now, releases[1]) {
		t.Errorf("after a last run: %q", slices.Sorted(maps.Keys(now)))
	}
	t.Logf("%d of 40 were killed", killed)
}

// TestNextForUser: units of a user are copied to where that user has them.
func TestNextForUser(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'api', script: 'a.js', exec_mode: 'cluster', port: 3000, env: { DB_PASSWORD: 'hunter2' } }`)
	w.ok(t, "--user")
	w.apps(t, `{ name: 'job', script: 'a.js', env: { DB_PASSWORD: 'hunter2' } }`)
	_, got, _ := strings.Cut(w.ok(t, "--user"), "next:\n")
	const want = `  systemctl --user disable --now api.socket api.target
  rm -f ~/.config/systemd/user/api.env ~/.config/systemd/user/api.socket ~/.config/systemd/user/api.target ~/.config/systemd/user/api@.service ~/.config/systemd/user/gopm-activator@api.service.d/10-gopm.conf
  mkdir -p ~/.config/systemd/user
  cp -r gopm-units/usr/lib/systemd/user/. ~/.config/systemd/user
  systemctl --user daemon-reload
  systemctl --user enable --now job.target
  loginctl enable-linger
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNextOfRoot: what was removed from the machine itself is stopped before
// anything has systemd read its units again, as disable does.
func TestNextOfRoot(t *testing.T) {
	got := outcome{Output: "/", Changes: []change{{Path: units.SystemDir + "/api.target", Change: units.Remove}, {Path: units.SystemDir + "/api@.service", Change: units.Remove}}}.next()
	want := []string{"sudo systemctl stop api.target", "sudo systemctl disable api.target", "sudo systemctl daemon-reload"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSecretsAreShownToNobody: neither by a dry run nor by a diff.
func TestSecretsAreShownToNobody(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'api', script: 'a.js', env: { DB_PASSWORD: 'hunter1' } }`)
	w.ok(t, "--output", "out")
	w.apps(t, `{ name: 'api', script: 'a.js', env: { DB_PASSWORD: 'hunter2' } }`)
	info, err := os.Stat(filepath.Join(w.dir, "out/etc/gopm/api.env"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v (%v), want 0600", info, err)
	}
	for _, args := range [][]string{{"--diff", "--output", "out"}, {"--diff", "--output", "out", "--json"}, {"--dry-run"}, {"--dry-run", "--json"}, {"--output", "out"}} {
		stdout, stderr, _ := w.run(t, args...)
		if strings.Contains(stdout+stderr, "hunter") {
			t.Errorf("%q shows the secret:\n%s%s", args, stdout, stderr)
		}
		if args[0] == "--diff" && !strings.Contains(stdout, "+DB_PASSWORD=(hidden, changed)") {
			t.Errorf("%q shows no change:\n%s", args, stdout)
		}
	}
}

// isNamespace reports whether a file is the target of a namespace.
func isNamespace(name, prefix string, apps []ecosystem.App) bool {
	for _, app := range apps {
		unit, _ := units.AppName(prefix + app.Name)
		if belongs(name, unit) {
			return false
		}
	}
	return ofNamespace(name, prefix, apps)
}

// TestOnlyKeepsTheNamespace: the target of a namespace goes on naming the apps
// that are not chosen, and never has the name of one of them.
func TestOnlyKeepsTheNamespace(t *testing.T) {
	w := newWorkshop(t)
	w.apps(t, `{ name: 'web', script: 'a.js', user: 'me', namespace: 'shop' }, { name: 'shop', script: 'b.js', user: 'me' }, { name: 'job', script: 'b.js', user: 'me', namespace: 'shop' }`)
	w.ok(t)
	all := walk(t, w.dir)
	for _, name := range []string{"web", "shop", "job"} {
		w.ok(t, "--only", name)
		if now := walk(t, w.dir); !maps.Equal(all, now) {
			t.Errorf("--only %s makes %q of %q", name, slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(all)))
		}
	}
}
