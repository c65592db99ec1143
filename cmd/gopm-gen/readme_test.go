package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// written matches the commands of gopm-gen that people copy: a line of a block
// in the README, an example in the manual.
var written = regexp.MustCompile(`(?m)^(?:\.Dl )?(gopm-gen .*)$`)

// TestWrittenCommands runs every command of gopm-gen that the README and the
// manual show, on the file that the README is about.
func TestWrittenCommands(t *testing.T) {
	bin := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "gopm-gen")); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"../../README.md", filepath.Join(manuals, "gopm-gen.1")} {
		commands := written.FindAllStringSubmatch(readFile(t, page), -1)
		if len(commands) == 0 {
			t.Errorf("%s has no command", page)
		}
		for _, m := range commands {
			t.Run(m[1], func(t *testing.T) {
				dir := t.TempDir()
				write(t, filepath.Join(dir, "ecosystem.config.js"), []byte(readFile(t, "../../examples/my-api/ecosystem.config.js")))
				cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", m[1])
				cmd.Dir = dir
				cmd.Env = []string{asMain + "=1", "PATH=" + bin + ":/usr/bin:/bin", "HOME=" + dir}
				out, err := cmd.CombinedOutput()
				// What is not installed differs from what is.
				differs := strings.Contains(m[1], "--diff") && cmd.ProcessState.ExitCode() == 1
				if err != nil && !differs || strings.Contains(string(out), "gopm-gen: error") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
