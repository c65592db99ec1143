// Package site puts gopm and the example app on a machine, as an administrator
// would: gopm is installed, the ecosystem file converted, and the app is in
// /srv/my-api with what npm installs for it.
package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopm/gopm/test/cache"
	"github.com/gopm/gopm/test/nodes"
)

// Root is the app's folder on the machine.
const Root = "/srv/my-api"

// A Stage holds what machines with the example app have in common. They only
// read it.
type Stage struct {
	dir    string
	Report string // what gopm-gen said
}

// NewStage builds gopm, installs it into a staging folder, converts the
// example's ecosystem file into the same folder, and installs what the example
// needs from npm. The caller closes it when no machine needs it any more.
func NewStage(ctx context.Context) (*Stage, error) {
	repository, err := findRepository()
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	dir, err := os.MkdirTemp("", "gopm-stage-")
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s := &Stage{dir: dir}
	if err := s.fill(ctx, repository); err != nil {
		return nil, errors.Join(fmt.Errorf("stage: %w", err), s.Close())
	}
	return s, nil
}

// Close removes the staging folder.
func (s *Stage) Close() error {
	return os.RemoveAll(s.dir)
}

func (s *Stage) fill(ctx context.Context, repository string) error {
	// The folder is 0700; a machine's users must reach what is in it.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	if _, err := run(ctx, repository, "make", "install", "DESTDIR="+s.root(), "PREFIX=/usr"); err != nil {
		return err
	}
	example := filepath.Join(repository, "examples/my-api")
	if err := s.installApp(ctx, example); err != nil {
		return err
	}
	report, err := run(ctx, example, filepath.Join(repository, "bin/gopm-gen"),
		"--app-root", Root, "--output", s.root(), "ecosystem.config.js")
	s.Report = report
	return err
}

// Folder makes a folder that is removed with the stage.
func (s *Stage) Folder(name string) (string, error) {
	folder := filepath.Join(s.dir, name)
	return folder, os.Mkdir(folder, 0o755)
}

// Program is gopm's own program of a name, on this host.
func (s *Stage) Program(name string) string { return filepath.Join(s.root(), "usr/bin", name) }

// Strip takes the example's units away: machines then have gopm alone.
func (s *Stage) Strip() error {
	units, err := filepath.Glob(filepath.Join(s.root(), "usr/lib/systemd/system/*my-api*"))
	if err == nil && len(units) == 0 {
		err = errors.New("the stage has no units of the example")
	}
	for _, unit := range units {
		err = errors.Join(err, os.RemoveAll(unit))
	}
	return err
}

// root is the staging folder that holds /usr.
func (s *Stage) root() string { return filepath.Join(s.dir, "root") }

// app is the folder that becomes Root.
func (s *Stage) app() string { return filepath.Join(s.dir, "app") }

// installApp copies the example as a checkout would have it, and adds its
// node_modules from the cache, where `npm ci` puts it once for each lock file.
func (s *Stage) installApp(ctx context.Context, example string) error {
	files := []string{"package.json", "package-lock.json", "ecosystem.config.js"}
	for _, name := range files {
		if err := copyFile(filepath.Join(example, name), filepath.Join(s.app(), name)); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(s.app(), "src"), os.DirFS(filepath.Join(example, "src"))); err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(example, "package-lock.json"))
	if err != nil {
		return err
	}
	cached, err := cache.Dir()
	if err != nil {
		return err
	}
	modules := filepath.Join(cached, fmt.Sprintf("my-api-%x", sha256.Sum256(lock)), "node_modules")
	if _, err := os.Stat(modules); err != nil {
		if err := s.installModules(ctx, filepath.Dir(modules)); err != nil {
			return err
		}
	}
	_, err = run(ctx, s.app(), "cp", "--archive", modules, "node_modules")
	return err
}

// installModules runs `npm ci` for the app and puts what it made into folder.
func (s *Stage) installModules(ctx context.Context, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(folder), "npm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(filepath.Join(s.app(), name), filepath.Join(work, name)); err != nil {
			return err
		}
	}
	if _, err := run(ctx, work, "npm", "ci", "--no-audit", "--no-fund"); err != nil {
		return err
	}
	// Only this makes it visible, so that a broken one is never mistaken for
	// a whole one. Another process may have been first.
	if err := os.Rename(work, folder); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// nodeFolder is the folder of a Node release on this host, with bin/node in it.
func nodeFolder(major int) (string, error) {
	node, err := nodes.Path(major)
	if err != nil {
		return "", err
	}
	return filepath.Dir(filepath.Dir(node)), nil
}

// findRepository looks for go.mod in the current folder and those above it:
// `go test` runs a test in its package's folder, and make runs in the root.
func findRepository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the repository: no go.mod in this folder or above it")
		}
		dir = parent
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// run runs a command on the host and returns its output.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w\n%s%s", cmd, err, &stdout, &stderr)
	}
	return stdout.String(), nil
}
