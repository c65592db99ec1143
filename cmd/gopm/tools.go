package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gopm/gopm/units"
)

// tools are the files of gopm's others.
type tools struct {
	generator, activator string // programs
	agent                string // what is loaded into workers
}

// findTools finds them beside gopm's own file, or where packages put them.
func findTools() (t tools, err error) {
	own, err := os.Executable()
	if err != nil {
		return t, fmt.Errorf("find gopm itself: %w", err)
	}
	if t.generator, err = findTool(own, "gopm-gen"); err != nil {
		return t, err
	}
	if t.activator, err = findTool(own, "gopm-activator"); err != nil {
		return t, err
	}
	t.agent = filepath.Join(filepath.Dir(t.activator), "../lib/gopm/agent.cjs")
	if _, err := os.Stat(t.agent); err != nil {
		t.agent = units.Agent
	}
	if _, err := os.Stat(t.agent); err != nil {
		return t, fmt.Errorf("find what is loaded into workers: %w; it comes with gopm", err)
	}
	return t, nil
}

// findTool finds a program beside another one, or in PATH.
func findTool(own, name string) (string, error) {
	beside := filepath.Join(filepath.Dir(own), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s: it is neither beside %s nor in PATH", name, own)
	}
	return filepath.Abs(found)
}
