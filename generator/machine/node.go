package machine

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"time"

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
	// A process that left the group keeps the streams open for as long as it likes.
	command.WaitDelay = 200 * time.Millisecond
	var stdout, stderr output
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	if command.Process != nil {
		_ = unix.Kill(-command.Process.Pid, unix.SIGKILL) // what it left running
	}
	switch {
	case stdout.over || stderr.over:
		return ecosystem.NodeOutput{}, errors.New("it prints without end")
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	out := ecosystem.NodeOutput{Stdout: stdout.kept.Bytes(), Stderr: stderr.kept.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		out.Exit, err = exit.ExitCode(), nil
	}
	return out, err
}

// mostOutput is more than the apps of any file, and what it prints beside.
const mostOutput = 32 << 20

// output keeps what a process prints, up to mostOutput.
type output struct {
	kept bytes.Buffer
	over bool
}

func (o *output) Write(text []byte) (int, error) {
	if o.kept.Len()+len(text) > mostOutput {
		o.over = true
		return 0, errors.New("it prints without end")
	}
	return o.kept.Write(text)
}
