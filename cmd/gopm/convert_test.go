package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script is a program that does what a shell is told.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "gopm-gen")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestConvert has gopm-gen itself do it.
func TestConvert(t *testing.T) {
	generator := filepath.Join(t.TempDir(), "gopm-gen")
	if out, err := exec.Command("go", "build", "-o", generator, "../gopm-gen").CombinedOutput(); err != nil {
		t.Fatalf("build gopm-gen: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "-odd.config.js")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("module.exports = [{ name: 'a', script: '/bin/true', env_x: { A: '1' } }, { name: 'b', script: '/bin/true' }, { name: 'c', script: 'serve', treekill: false }]")
	t.Chdir(filepath.Dir(file))
	w, stdout := outside()
	c, err := convert(t.Context(), w, generator, runOptions{env: "x", only: []string{"a", "c"}}, []string{"-odd.config.js"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range c.Units {
		names = append(names, filepath.Base(u.Path))
	}
	if got := strings.Join(names, " "); len(c.Apps) != 2 || !strings.Contains(got, "a@.service") || strings.Contains(got, "b@.service") {
		t.Errorf("its apps are %+v, its units %s", c.Apps, got)
	}

	var stderr bytes.Buffer
	w.stderr = &stderr
	write("module.exports = [{ name: 'a' }]")
	if _, err := convert(t.Context(), w, generator, runOptions{}, []string{file}); err != saidError(1) {
		t.Errorf("of a file without a script: %v", err)
	}
	if !strings.HasPrefix(stderr.String(), "gopm-gen: error: "+file+": apps[0] \"a\": has no script\n") || stdout.String() != "" {
		t.Errorf("it says %q, %q", stderr.String(), stdout.String())
	}
}

// TestConvertBadly has another program in gopm-gen's place.
func TestConvertBadly(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"it ends with a code": {"exit 3", "it ended with exit code 3"},
		"it is killed":        {"kill -9 $$", "run gopm-gen: signal: killed"},
		"it prints no units":  {"echo hello", "read what GEN prints: invalid character 'h' looking for beginning of value; is it of another version?"},
	}
	for name, test := range tests {
		w, _ := outside()
		generator := script(t, test.text)
		_, err := convert(t.Context(), w, generator, runOptions{}, nil)
		if err == nil || strings.ReplaceAll(err.Error(), generator, "GEN") != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	w, _ := outside()
	if _, err := convert(t.Context(), w, filepath.Join(t.TempDir(), "gopm-gen"), runOptions{}, nil); err == nil || !strings.HasPrefix(err.Error(), "run gopm-gen: ") {
		t.Errorf("without gopm-gen: %v", err)
	}
}
