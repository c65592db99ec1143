package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/generator/ecosystem"
)

// runNode runs the node of PATH, and ends it with all that it started when ctx
// ends.
func runNode(ctx context.Context, script string, args []string, dir string) (ecosystem.NodeOutput, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return ecosystem.NodeOutput{}, errors.New("there is no node in PATH")
	}
	command := exec.CommandContext(ctx, node, append([]string{"--no-warnings", "--input-type=module", "--eval", script, "--"}, args...)...)
	command.Dir = dir
	// A group of its own: a shell that the file started ends with it.
	command.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return unix.Kill(-command.Process.Pid, unix.SIGKILL) }
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	out := ecosystem.NodeOutput{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		out.Exit, err = exit.ExitCode(), nil
	}
	return out, err
}
