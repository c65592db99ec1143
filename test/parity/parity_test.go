package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/pm2"
)

// wanted are the differences that are meant, by their reason, wherever they are.
var wanted = []struct {
	reason  string
	applies func(difference) bool
}{
	{"PM2 drops a falsy value of a name of several words; gopm honours and reports it", func(d difference) bool {
		return d.pm2 == nil && strings.Contains(d.key, "_") && (d.gopm == false || d.gopm == 0.0 || d.gopm == "")
	}},
	{"the CPUs of the machine that runs the app, not of the one that reads the file", func(d difference) bool {
		return d.key == "instances" && d.gopm == 0.0 && d.pm2 == float64(runtime.NumCPU())
	}},
	{"PM2 takes bun where it is installed, else Node: a unit is not made where the app runs", func(d difference) bool {
		return d.key == "exec_interpreter" && d.pm2 == "bun" && d.gopm == "node"
	}},
	{"~ is the home of whoever calls PM2; an app of systemd has no such person", func(d difference) bool {
		name, _ := d.pm2.(string)
		return strings.HasSuffix(d.key, "_file") && strings.HasPrefix(name, "/home/dev/")
	}},
	{"the environment of whoever calls PM2, spread into that of the app: nothing to bake into a unit", func(d difference) bool {
		name, isVariable := strings.CutPrefix(d.key, "env.")
		return isVariable && d.gopm == nil && slices.Contains(environment, fmt.Sprintf("%s=%v", name, d.pm2))
	}},
	{"PM2's schema lacks it, so its daemon never gets it", func(d difference) bool { return d.key == "exec_timeout" }},
}

// exceptions are differences that are meant in one archive.
var exceptions = map[string]string{
	"attribute-execute_command b: exec_mode": "PM2 looks for this key under one of its names only",
	"env api: env.OBJECT":                    "PM2 loses an object in env_NAME, and with it the value of env",
	"machine one: env.KEYS":                  "PM2 has variables of its own",
	"machine one: env.MAIN":                  "PM2 has no main module of its own",
	"machine one: env.NOT":                   "a file sees the disk below its project alone",
	"machine one: env.USERS":                 "os.userInfo() asks the machine",
}

// refused are the archives that PM2 cannot load, and why.
var refused = map[string]string{
	"like-dotenv":      "dotenv is not installed beside it",
	"like-esm-default": "PM2 takes a named export only",
	"like-esm-package": "PM2 takes a named export only",
	"like-function":    "PM2 calls no function",
	"like-typescript":  "for PM2 it is a script",
	"only":             "PM2 verifies the apps that --only leaves out too",
}

// tools are the programs that take part.
type tools struct{ node, pm2, oracle, gopm string }

func newTools(t *testing.T) tools {
	t.Helper()
	node, err := nodes.Path(22)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := pm2.Folder(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := filepath.Abs("oracle.cjs")
	if err != nil {
		t.Fatal(err)
	}
	gopm := filepath.Join(t.TempDir(), "gopm-gen")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", gopm, "../../cmd/gopm-gen").CombinedOutput(); err != nil {
		t.Fatalf("build gopm-gen: %v\n%s", err, out)
	}
	return tools{node, peer, oracle, gopm}
}

// reading is what one of the two makes of a file.
type reading struct {
	Error string       `json:"error"`
	Apps  []attributes `json:"apps"`
	// Left is what the file put into process.env.
	Left map[string]string `json:"process_env"`
}

// environment is that of both readers, like that of the archives' own test.
var environment = []string{"PATH=/usr/bin:/bin", "HOME=/home/dev", "STAGE=blue"}

func run(ctx context.Context, dir, name string, args ...string) (stdout, stderr []byte, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = environment
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.Bytes(), complaint.Bytes(), err
}

// asPM2 asks the oracle.
func (x tools) asPM2(ctx context.Context, dir, file string, flags ...string) (reading, error) {
	var r reading
	stdout, stderr, err := run(ctx, dir, x.node, append([]string{x.oracle, x.pm2, file}, flags...)...)
	if err := json.Unmarshal(stdout, &r); err != nil {
		return r, fmt.Errorf("the oracle printed %q: %w\n%s", stdout, err, stderr)
	}
	if err == nil && r.Error != "" {
		return r, fmt.Errorf("the oracle exits 0 in spite of %s", r.Error)
	}
	return r, nil
}

// asGopm asks gopm-gen.
func (x tools) asGopm(ctx context.Context, dir string, args ...string) (reading, error) {
	var r reading
	stdout, stderr, err := run(ctx, dir, x.gopm, append([]string{"--print-apps"}, args...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.Error = string(bytes.TrimSpace(stderr))
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(stdout, &r.Apps); err != nil {
		return r, fmt.Errorf("gopm-gen --print-apps printed %q: %w", stdout, err)
	}
	return r, nil
}

// conversion is an archive of gopm-gen that becomes units.
type conversion struct {
	name  string
	args  []string // of gopm-gen, as they concern the reading of the file
	flags []string // the same for the oracle
	file  string
	root  string
	files []txtar.File
}

// conversions returns the archives of gopm-gen with exit code 0, without those
// that read no file or need more than a folder.
func conversions(t *testing.T) []conversion {
	t.Helper()
	names, err := filepath.Glob("../../cmd/gopm-gen/testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("find archives: %v, %d found", err, len(names))
	}
	var out []conversion
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := conversion{name: strings.TrimSuffix(filepath.Base(name), ".txtar")}
		if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "machine/") }) {
			continue
		}
		fails := false
		for _, line := range strings.Split(string(archive.Comment), "\n") {
			if command, ok := strings.CutPrefix(line, "gopm-gen"); ok {
				c.parse(strings.Fields(command))
			}
			fails = fails || strings.HasPrefix(line, "exit ")
		}
		for _, f := range archive.Files {
			if !strings.HasPrefix(f.Name, "want/") {
				c.files = append(c.files, f)
			}
		}
		if !fails && c.file != "" && c.file != "-" && len(c.files) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// parse takes a command line apart.
func (c *conversion) parse(args []string) {
	c.file = "ecosystem.config.js"
	for i := 0; i < len(args); i++ {
		flag, value, given := strings.Cut(args[i], "=")
		next := func() string {
			if !given && i+1 < len(args) {
				i++
				value = args[i]
			}
			return value
		}
		switch flag {
		case "--env", "--only":
			c.flags = append(c.flags, flag, next())
			c.args = append(c.args, flag, value)
		case "--app-root":
			c.root = next()
			c.args = append(c.args, flag, value)
		case "--output", "--prefix", "--listen", "--service-user", "--systemd-version":
			next()
		case "--help", "--version", "attributes":
			c.file = ""
			return
		default:
			if !strings.HasPrefix(flag, "--") {
				c.file = flag
			}
		}
	}
	c.args = append(c.args, c.file)
}

// TestArchives holds gopm-gen to PM2 on every archive that it converts.
func TestArchives(t *testing.T) {
	x := newTools(t)
	for _, c := range conversions(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dir := c.unpack(t, top)
			// PM2 takes paths from where it is called: the folder of the file.
			theirs, err := x.asPM2(t.Context(), filepath.Join(dir, filepath.Dir(c.file)), filepath.Base(c.file), c.flags...)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := x.asGopm(t.Context(), dir, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if ours.Error != "" {
				t.Fatalf("gopm-gen: %s", ours.Error)
			}
			if reason, ok := refused[c.name]; ok != (theirs.Error != "") {
				t.Fatalf("PM2 says %q, wanted is %q", theirs.Error, reason)
			} else if ok {
				return
			}
			theirs.Apps = c.moved(t, theirs.Apps, top, dir)
			for _, d := range compare(theirs.Apps, ours.Apps) {
				if reasonFor(d) == "" && exceptions[c.name+" "+d.app+": "+d.key] == "" {
					t.Error(d)
				}
			}
		})
	}
}

// unpack writes the files of an archive and returns their folder. It ends in the
// root, so that a path leaves both the same way.
func (c conversion) unpack(t *testing.T, top string) string {
	t.Helper()
	dir := filepath.Join(top, c.root)
	for _, f := range c.files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// moved is PM2's reading with the root in place of the folder below top, as
// --app-root means it.
func (c conversion) moved(t *testing.T, apps []attributes, top, dir string) []attributes {
	t.Helper()
	if c.root == "" {
		return apps
	}
	apps = moved(t, apps, filepath.Join(dir, filepath.Dir(c.file)), c.root)
	return moved(t, apps, top, "")
}

// moved is a list of apps with one folder in place of another.
func moved(t *testing.T, apps []attributes, from, to string) []attributes {
	t.Helper()
	b, err := json.Marshal(apps)
	if err != nil {
		t.Fatal(err)
	}
	var out []attributes
	if err := json.Unmarshal(bytes.ReplaceAll(b, []byte(from), []byte(to)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func reasonFor(d difference) string {
	for _, w := range wanted {
		if w.applies(d) {
			return w.reason
		}
	}
	return ""
}
