package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
	"github.com/gopm/gopm/units/verify"
)

var update = flag.Bool("update", false, "write what gopm-gen does now into the archives of testdata")

// Each archive of testdata is a conversion. Its comment is the command line, a
// line `exit N` where the exit code is not 0, and prose. The files whose names
// begin with want/ are what the command leaves behind: want/stdout and
// want/stderr what it prints, the others what it writes below gopm-units. Those
// below machine/ are on the machine's own disk, the rest is in the folder in
// which the command runs. $WORK stands for that folder.
const (
	wantDir    = "want/"
	machineDir = "machine/"
	outputDir  = "gopm-units/"
	workName   = "$WORK"
)

// conversion is an archive of testdata, taken apart.
type conversion struct {
	name    string
	archive *txtar.Archive
	args    []string
	exit    int
	inputs  []txtar.File
	machine fstest.MapFS
	want    map[string]string
}

func conversions(t *testing.T) []conversion {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("find archives: %v, %d found", err, len(names))
	}
	var out []conversion
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c := conversion{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), archive: archive, machine: fstest.MapFS{}, want: map[string]string{}}
		for _, line := range strings.Split(string(archive.Comment), "\n") {
			if command, ok := strings.CutPrefix(line, "gopm-gen"); ok {
				c.args = strings.Fields(command)
			}
			_, _ = fmt.Sscanf(line, "exit %d", &c.exit)
		}
		for _, f := range archive.Files {
			if rest, ok := strings.CutPrefix(f.Name, wantDir); ok {
				c.want[rest] = string(f.Data)
			} else if rest, ok := strings.CutPrefix(f.Name, machineDir); ok {
				c.machine[rest] = &fstest.MapFile{Data: f.Data}
			} else {
				c.inputs = append(c.inputs, f)
			}
		}
		out = append(out, c)
	}
	return out
}

// disk is the machine's disk: the folder of the test is real, the rest is what
// the archive says.
type disk struct {
	work    string
	machine fs.FS
}

func (d disk) Open(name string) (fs.File, error) {
	if strings.HasPrefix("/"+name+"/", d.work+"/") {
		return os.Open("/" + name)
	}
	return d.machine.Open(name)
}

// convert runs the conversion in a fresh folder and returns what it left behind.
func (c conversion) convert(t *testing.T) (got map[string]string, exit int) {
	t.Helper()
	work := t.TempDir()
	for _, f := range c.inputs {
		write(t, filepath.Join(work, f.Name), f.Data)
	}
	var stdout, stderr bytes.Buffer
	exit = command{
		stdout:  &stdout,
		stderr:  &stderr,
		version: "1.2.3",
		host: ecosystem.Host{
			Files: disk{work, c.machine}, Dir: work, CPUs: 4, Hostname: "build", Home: "/home/dev",
			Environ: map[string]string{"HOME": "/home/dev", "STAGE": "blue"},
			Print:   func(line string) { stderr.WriteString(line + "\n") },
		},
	}.run(t.Context(), c.args)
	got = map[string]string{"stdout": stdout.String(), "stderr": stderr.String()}
	for name, text := range walk(t, work) {
		if !slices.ContainsFunc(c.inputs, func(f txtar.File) bool { return f.Name == name }) {
			got[strings.TrimPrefix(name, outputDir)] = text
		}
	}
	for name, text := range got {
		text = strings.ReplaceAll(text, work, workName)
		if text == "" {
			delete(got, name)
			continue
		}
		got[name] = text
	}
	return got, exit
}

func TestConvert(t *testing.T) {
	for _, c := range conversions(t) {
		t.Run(c.name, func(t *testing.T) {
			got, exit := c.convert(t)
			if *update {
				c.write(t, got)
				return
			}
			if exit != c.exit {
				t.Errorf("exit code %d, want %d", exit, c.exit)
			}
			for name, text := range got {
				if text != c.want[name] {
					t.Errorf("%s is\n%s\nwant\n%s", name, text, c.want[name])
				}
			}
			for name := range c.want {
				if _, ok := got[name]; !ok {
					t.Errorf("%s is missing", name)
				}
			}
			if exit != exitOK {
				for name := range got {
					if name != "stdout" && name != "stderr" {
						t.Errorf("wrote %s in spite of exit code %d", name, exit)
					}
				}
			}
		})
	}
}

// write puts what a conversion left behind into its archive.
func (c conversion) write(t *testing.T, got map[string]string) {
	t.Helper()
	var files []txtar.File
	for _, f := range c.archive.Files {
		if !strings.HasPrefix(f.Name, wantDir) {
			files = append(files, f)
		}
	}
	names := make([]string, 0, len(got))
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, txtar.File{Name: wantDir + name, Data: []byte(got[name])})
	}
	c.archive.Files = files
	write(t, filepath.Join("testdata", c.name+".txtar"), txtar.Format(c.archive))
}

// newerKey is what an older systemd says of directives that are only written
// where --systemd-version allows.
var newerKey = regexp.MustCompile(`: Unknown key '(RestartSteps|RestartMaxDelaySec)' in section \[Service\], ignoring\.$`)

// TestConvertedUnitsPassSystemd asks systemd-analyze about all units of all
// archives. It exits 0 on much that is wrong, so every line is a failure.
func TestConvertedUnitsPassSystemd(t *testing.T) {
	for _, c := range conversions(t) {
		set := c.units(t)
		names := verify.Names(set)
		if len(names) == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			if err := verify.Stage(root, set, os.DirFS("../../units")); err != nil {
				t.Fatal(err)
			}
			lines, err := verify.Units(t.Context(), nil, root, names...)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				// This machine may have an older systemd than the archive asks for.
				if !slices.Contains(c.args, "--systemd-version") || !newerKey.MatchString(line) {
					t.Error(line)
				}
			}
			for _, name := range names {
				if strings.HasSuffix(name, "@0.service") {
					figure, err := verify.Exposure(t.Context(), nil, root, name)
					if err != nil {
						t.Fatal(err)
					}
					t.Log(figure)
				}
			}
		})
	}
}

// TestDeclaredAccountsAndFolders lets systemd-sysusers and systemd-tmpfiles make
// what the example needs.
func TestDeclaredAccountsAndFolders(t *testing.T) {
	for _, c := range conversions(t) {
		if c.name != "my-api" {
			continue
		}
		root := t.TempDir()
		if err := units.Write(root, c.units(t)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, "etc/group"), []byte("root:x:0:\n"))
		write(t, filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"))
		if err := verify.Declare(t.Context(), nil, root); err != nil {
			t.Fatal(err)
		}
		passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
		if err != nil || !strings.Contains(string(passwd), ":my-api app:/srv/my-api:/usr/sbin/nologin\n") {
			t.Errorf("%v, accounts:\n%s", err, passwd)
		}
		info, err := os.Stat(filepath.Join(root, "srv/my-api/logs"))
		if err != nil || info.Mode() != fs.ModeDir|0o750 {
			t.Errorf("%v, logs: %v", err, info)
		}
		return
	}
	t.Fatal("testdata/my-api.txtar is missing")
}

// units returns the files that a conversion is wanted to write.
func (c conversion) units(t *testing.T) *units.Set {
	t.Helper()
	var set units.Set
	for name, text := range c.want {
		if strings.HasPrefix(name, "usr/") {
			if err := set.Add(name, strings.ReplaceAll(text, workName, "/srv/work")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &set
}

// TestShippedExample holds the file in examples to the archive with its text.
func TestShippedExample(t *testing.T) {
	shipped, err := os.ReadFile("../../examples/my-api/ecosystem.config.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conversions(t) {
		if c.name != "my-api" {
			continue
		}
		c.inputs = []txtar.File{{Name: "ecosystem.config.js", Data: shipped}}
		got, exit := c.convert(t)
		if exit != exitOK {
			t.Errorf("exit code %d, want 0", exit)
		}
		for name, text := range c.want {
			if got[name] != text {
				t.Errorf("%s is\n%s\nwant\n%s", name, got[name], text)
			}
		}
		return
	}
	t.Fatal("testdata/my-api.txtar is missing")
}

// walk returns all files below a folder.
func walk(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path.Join(root, name))
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
