package ecosystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// File is an ecosystem file that was read.
type File struct {
	Name  string // as the user named it
	Path  string // where it will be on the machine that runs the apps
	Apps  []App
	Notes []Note // about the file as a whole
}

// Load evaluates the ecosystem file name and reads its apps. It goes on after a
// mistake in one app, so the problems are all there are. An app with any is
// returned as Flawed, where it says what to run.
func Load(ctx context.Context, host Host, name string, opt Options) (File, []*Problem) {
	abs := path.Clean(name)
	if !path.IsAbs(abs) {
		abs = path.Join(host.Dir, name)
	}
	if opt.Root == "" {
		opt.Root = path.Dir(abs)
	}
	if opt.Limit == 0 {
		opt.Limit = DefaultLimit
	}
	src := source{files: host.Files, shown: name, home: path.Dir(abs), root: opt.Root, base: path.Base(abs)}
	file := File{Name: name, Path: path.Join(opt.Root, src.base)}
	text, problem := src.main()
	if problem != nil {
		return file, []*Problem{problem}
	}
	ctx, cancel := context.WithTimeout(ctx, opt.Limit)
	defer cancel()
	result, problem := evaluate(ctx, host, src, text, opt.Limit)
	if problem != nil {
		return file, []*Problem{problem}
	}
	r := reader{source: src, env: opt.Env, only: opt.Only}
	file.Apps = r.apps(result.exports)
	file.Notes = append(result.notes(), r.notes...)
	return file, r.problems
}

// source knows where an ecosystem file is now (home) and where it will be
// (root). The file only ever sees root: a path that it computes from __dirname
// is then right on the machine that runs the app.
type source struct {
	files fs.FS
	shown string // the file as the user named it
	home  string
	root  string
	base  string
}

// main returns the text of the file itself.
func (s source) main() (string, *Problem) {
	if !strings.HasSuffix(s.base, ".js") && !strings.HasSuffix(s.base, ".cjs") {
		return "", &Problem{File: s.shown, Text: "is not a CommonJS file", Hint: "name it ecosystem.config.js or ecosystem.config.cjs"}
	}
	text, err := fs.ReadFile(s.files, strings.TrimPrefix(path.Join(s.home, s.base), "/"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &Problem{File: s.shown, Text: "no such file", Hint: "name the ecosystem file: gopm-gen path/to/ecosystem.config.js"}
	case err != nil:
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return "", &Problem{File: s.shown, Text: "read: " + err.Error(), Hint: "make it a file that you can read"}
	}
	out := strings.TrimPrefix(string(text), "\ufeff")
	// A comment of the same length, so that columns stay what they are.
	if strings.HasPrefix(out, "#!") {
		out = "//" + out[2:]
	}
	return out, nil
}

// read returns another file that the ecosystem file asks for.
func (s source) read(name string) ([]byte, error) {
	name = path.Clean(name)
	if !path.IsAbs(name) {
		name = path.Join(s.root, name)
	}
	text, err := fs.ReadFile(s.files, strings.TrimPrefix(s.now(name), "/"))
	if err != nil && s.home != s.root {
		// It may mean this machine's file of that name after all.
		if own, ownErr := fs.ReadFile(s.files, strings.TrimPrefix(name, "/")); ownErr == nil {
			return own, nil
		}
	}
	return text, err
}

// now returns where a file that will be at name is today.
func (s source) now(name string) string {
	if rest, below := strings.CutPrefix(name, strings.TrimSuffix(s.root, "/")+"/"); below {
		return path.Join(s.home, rest)
	}
	// A neighbour, such as ../shared/ports.js, is beside the file today too.
	if dir := path.Dir(s.root); dir != "/" {
		if rest, below := strings.CutPrefix(name, dir+"/"); below {
			return path.Join(path.Dir(s.home), rest)
		}
	}
	return name
}

// show returns the name of a script as the user knows it.
func (s source) show(name string) string {
	if name == path.Join(s.root, s.base) {
		return s.shown
	}
	if rest, below := strings.CutPrefix(name, strings.TrimSuffix(s.root, "/")+"/"); below {
		return path.Join(path.Dir(s.shown), rest)
	}
	return name
}

// tooLong is the problem of a file that does not end.
func (s source) tooLong(limit time.Duration) *Problem {
	return &Problem{
		File: s.shown,
		Text: fmt.Sprintf("still running after %s, stopped", limit),
		Hint: "look for a loop that never ends, there or in the next lines",
	}
}
