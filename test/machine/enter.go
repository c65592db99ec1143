package machine

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// commandTime bounds a command: one that hangs fails, while the machine can
// still be asked why.
const commandTime = 2 * time.Minute

// Run runs a command in the machine, as root, and returns what it wrote to its
// standard output, without white space around it. An error has what it wrote
// to standard error.
func (m *Machine) Run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	return output(m.Command(ctx, name, args...))
}

// Command prepares a command in the machine, as root, that the caller starts. It
// ends with ctx.
func (m *Machine) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := append([]string{"--target", strconv.Itoa(m.leader), "--all", "--root", "--wd", "--", name}, args...)
	return command(ctx, "nsenter", enter...)
}

// NetCommand prepares a command that runs on the host, but in the machine's
// network: programs that make load needn't be in the machine, and don't end
// when it does.
func (m *Machine) NetCommand(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := append([]string{"--target", strconv.Itoa(m.leader), "--net", "--", name}, args...)
	return command(ctx, "nsenter", enter...)
}

// command prepares a command that is ended with all its children: nsenter
// forks when it enters another process namespace.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		// nsenter and its arguments are not what the caller asked for.
		asked := cmd.Args
		for i, arg := range asked {
			if arg == "--" {
				asked = asked[i+1:]
				break
			}
		}
		err = fmt.Errorf("run %s: %w: %s", strings.Join(asked, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), err
}

// Dial connects to an address in the machine's network.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	// A thread, not a process, is in a network namespace, and a socket stays
	// in the one it was made in.
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer own.Close()
	theirs, err := os.Open(filepath.Join("/proc", strconv.Itoa(m.leader), "ns/net"))
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer theirs.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the machine's network: %w", err)
	}
	conn, dialErr := new(net.Dialer).DialContext(ctx, network, address)
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		// The thread stays locked, and so ends with this goroutine.
		return conn, fmt.Errorf("leave the machine's network: %w", err)
	}
	runtime.UnlockOSThread()
	return conn, dialErr
}

// DialUnix connects to a socket in the machine's file system: no network
// namespace stands in between.
func (m *Machine) DialUnix(ctx context.Context, name string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", m.HostFile(name))
}

// WriteFile writes a file in the machine, and makes its folder.
func (m *Machine) WriteFile(name, content string) error {
	return writeFile(m.HostFile(name), content)
}

// ReadFile reads a file in the machine.
func (m *Machine) ReadFile(name string) (string, error) {
	content, err := os.ReadFile(m.HostFile(name))
	return string(content), err
}

// HostFile is the host's name of the machine's file, as its processes see it:
// /run and other folders are mounted in its namespace only. Where its root is
// read-only, it is as the host sees it.
func (m *Machine) HostFile(name string) string {
	if m.within != "" {
		return filepath.Join(m.within, name)
	}
	return m.Inside(name)
}

// Inside is the host's name of a file as the machine's processes see it.
func (m *Machine) Inside(name string) string {
	return filepath.Join("/proc", strconv.Itoa(m.leader), "root", name)
}
