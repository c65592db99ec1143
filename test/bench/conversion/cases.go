package conversion

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/gopm/gopm/test/bench/results"
)

//go:embed testdata load.cjs
var files embed.FS

// loader is the script that stands for PM2.
const loader = "load.cjs"

// file is an ecosystem file to convert.
type file struct {
	title string
	name  string // in testdata, or a path from the top of the repository
	pm2   bool   // PM2 can read it
}

func cases() []file {
	return []file{
		{"examples/my-api", "examples/my-api/ecosystem.config.js", true},
		{"YAML, 3 apps", "ecosystem.yml", true},
		{"ES module, 4 apps", "ecosystem.config.mjs", true},
		{"TypeScript, 3 apps", "ecosystem.config.ts", false},
	}
}

// setting is where the programs are.
type setting struct {
	work, node, pm2, gopm string
}

// top is the folder of the repository.
func top() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../../..")
}

// build builds gopm-gen as `make build` does, and puts the loader on the disk.
func (s *setting) build(ctx context.Context) error {
	s.gopm = filepath.Join(s.work, "gopm-gen")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", s.gopm, "./cmd/gopm-gen")
	cmd.Dir = top()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build gopm-gen: %w\n%s", err, out)
	}
	script, err := files.ReadFile(loader)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.work, loader), script, 0o644)
}

// prepare puts a file into a folder of its own and returns who is to run there:
// gopm-gen, Node with nothing to do and, where it can, PM2: the modules that read
// the file, then all that the command loads.
func (s setting) prepare(c file) ([]rival, error) {
	text, err := files.ReadFile("testdata/" + c.name)
	if err != nil {
		text, err = os.ReadFile(filepath.Join(top(), c.name))
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.name, err)
	}
	dir, err := os.MkdirTemp(s.work, "case-")
	if err != nil {
		return nil, err
	}
	name := filepath.Base(c.name)
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
		return nil, err
	}
	out := []rival{
		{results.Ours, dir, []string{s.gopm, "--dry-run", name}},
		{"node -e 0", dir, []string{s.node, "-e", "0"}},
	}
	if c.pm2 {
		load := []string{s.node, filepath.Join(s.work, loader), s.pm2, name}
		out = append(out, rival{"PM2's modules that read it", dir, load}, rival{results.PM2, dir, append(slices.Clone(load), "all")})
	}
	return out, nil
}
