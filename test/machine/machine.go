// Package machine boots a real systemd in a container of systemd-nspawn(1),
// in about a second, and runs things in it. It needs root.
//
// A machine has the host's programs (or those of another Debian release) below
// /usr, with folders of the caller's choice laid over them, and everything
// else of its own: /etc, /var, users, processes, control groups and network.
package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options say what a machine is made of. The zero value is a bare machine with
// the host's programs.
type Options struct {
	// Release is the Debian release whose /usr and /etc the machine has, such
	// as "trixie"; Debian is asked for it once, then it comes from the cache.
	// Empty means the host's /usr and an /etc with next to nothing in it.
	Release string

	// Writable gives the machine a /usr that it may write to, and the release's
	// /var: packages can be installed. What it writes goes with it.
	Writable bool

	// Usr are host folders laid over /usr, the last on top. They are read-only.
	Usr []string

	// Copies are host folders copied into the machine before it boots: where
	// in the machine, and from where.
	Copies map[string]string

	// Binds are host files or folders seen read-only in the machine: where in
	// the machine, and from where.
	Binds map[string]string

	// Files are written before the machine boots.
	Files map[string]string

	// Init is what runs as process 1 in place of systemd, as in a container: the
	// root is read-only then, but for a tmpfs on /tmp. Boot returns when it has been
	// started.
	Init Init
}

// Init is a first process.
type Init struct {
	Command     []string // empty: systemd
	User        string   // one of /etc/passwd; empty: root
	Dir         string
	Environment []string
}

// A Machine is a booted systemd. Its methods may be called at the same time.
type Machine struct {
	dir    string // holds everything of the machine's on the host's disk
	lock   *os.File
	leader int    // systemd's process id on the host
	within string // the machine's root as the host may write to it; empty: through leader
	groups groups
	nspawn *exec.Cmd
	ended  chan struct{} // closed when nspawn has ended; err is set before
	err    error
}

// bootTime bounds the time from nspawn's start to a booted systemd. It takes
// half a second on an idle machine.
const bootTime = 60 * time.Second

// Boot starts a machine and returns when its systemd has reached the default
// target. The caller closes it.
func Boot(ctx context.Context, o Options) (*Machine, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("boot machine: only root may (run `make test`, which asks for it)")
	}
	if err := removeLeftovers(); err != nil {
		return nil, fmt.Errorf("boot machine: remove an earlier one: %w", err)
	}
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, fmt.Errorf("boot machine: %w", err)
	}
	m := &Machine{dir: dir, ended: make(chan struct{})}
	if err := m.boot(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("boot machine: %w", err), m.Close())
	}
	return m, nil
}

func (m *Machine) boot(ctx context.Context, o Options) error {
	var err error
	if m.lock, err = lock(m.dir); err != nil {
		return err
	}
	// The folder is 0700; the machine's other users must reach its root.
	if err := os.Chmod(m.dir, 0o755); err != nil {
		return err
	}
	if len(o.Init.Command) > 0 {
		m.within = m.root()
	}
	usr, err := makeRoot(ctx, m.root(), o)
	if err != nil {
		return err
	}
	if m.groups, err = makeGroups(filepath.Base(m.dir)); err != nil {
		return err
	}
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(m.dir, "notify"), Net: "unixgram"})
	if err != nil {
		return err
	}
	defer notify.Close()

	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	if err := m.start(append([]string{"systemd-nspawn"}, arguments(m.root(), usr, o)...)); err != nil {
		return err
	}
	if m.leader, err = m.waitReady(ctx, notify); err != nil {
		return fmt.Errorf("%w\n%s", err, m.console())
	}
	return nil
}

// arguments are systemd-nspawn's.
func arguments(root string, usr []string, o Options) []string {
	args := []string{
		"--quiet",
		"--directory=" + root,
		"--machine=" + filepath.Base(filepath.Dir(root)),
		"--hostname=gopm",
		// The host's PID 1 need not be systemd: there is no machined to
		// register with, and no scope to ask for.
		"--register=no",
		"--keep-unit",
		"--kill-signal=SIGKILL",
		"--private-network",
		"--console=pipe",
		"--link-journal=no",
	}
	if len(o.Init.Command) == 0 {
		args = append(args,
			"--boot",
			"--notify-ready=yes",
			// Without the filter option the first BPF map fails with EPERM, with
			// the capability or not.
			"--capability=CAP_BPF",
			"--system-call-filter=bpf")
	} else {
		// Only root could reach the socket for --notify-ready=.
		args = append(args, "--read-only", "--chdir="+o.Init.Dir)
		if o.Init.User != "" {
			args = append(args, "--user="+o.Init.User)
		}
		for _, v := range o.Init.Environment {
			args = append(args, "--setenv="+v)
		}
	}
	switch {
	case o.Writable:
		written := filepath.Join(filepath.Dir(root), "usr")
		args = append(args, "--overlay="+strings.Join(append(usr, written), ":")+":/usr")
	case len(usr) > 1:
		args = append(args, "--overlay-ro="+strings.Join(usr, ":")+":/usr")
	default:
		args = append(args, "--bind-ro="+usr[0]+":/usr")
	}
	for inside, host := range o.Binds {
		args = append(args, "--bind-ro="+host+":"+inside)
	}
	if len(o.Init.Command) > 0 {
		return append(append(args, "--"), o.Init.Command...)
	}
	// To systemd. /etc has no default.target, and /usr's is graphical.
	return append(args, "--", "--unit=multi-user.target")
}

// start runs nspawn in the machine's own control groups: two machines of one
// group would use the same `payload` group, and each systemd would tidy away
// the other's processes.
func (m *Machine) start(argv []string) error {
	console, err := os.Create(filepath.Join(m.dir, "console"))
	if err != nil {
		return err
	}
	defer console.Close()

	script := `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"`
	args := append([]string{"-c", script, "sh"}, m.groups...)
	m.nspawn = exec.Command("/bin/sh", append(append(args, "--"), argv...)...)
	m.nspawn.Stdout = console
	m.nspawn.Stderr = console
	m.nspawn.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"NOTIFY_SOCKET=" + filepath.Join(m.dir, "notify"),
		"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
	}
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{
		// Not in our process group: Ctrl-C is for us, who then close it.
		Setpgid: true,
		// A test binary that panics or times out doesn't close its machines.
		// nspawn passes this on as --kill-signal=; killed itself, it would
		// leave the machine running.
		Pdeathsig: syscall.SIGTERM,
	}

	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, not the
		// process: this one is kept until nspawn ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := m.nspawn.Start()
		started <- err
		if err == nil {
			m.err = m.nspawn.Wait()
			close(m.ended)
		}
	}()
	if err := <-started; err != nil {
		m.nspawn = nil
		return err
	}
	return nil
}

var leaderPID = regexp.MustCompile(`(?m)^X_NSPAWN_LEADER_PID=(\d+)$`)

// waitReady returns systemd's process id when it has booted, as nspawn reports
// both (systemd-nspawn(1), --notify-ready=).
func (m *Machine) waitReady(ctx context.Context, notify *net.UnixConn) (leader int, err error) {
	messages := make(chan string)
	go func() {
		defer close(messages)
		buf := make([]byte, 4096)
		for {
			n, err := notify.Read(buf)
			if err != nil {
				return
			}
			select {
			case messages <- string(buf[:n]):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case message := <-messages:
			if found := leaderPID.FindStringSubmatch(message); found != nil {
				leader, _ = strconv.Atoi(found[1])
			}
			// nspawn's own READY=1 carries the leader's id only in the first of
			// its messages.
			if leader != 0 && regexp.MustCompile(`(?m)^READY=1$`).MatchString(message) {
				return leader, nil
			}
		case <-m.ended:
			return 0, fmt.Errorf("systemd-nspawn ended: %v", m.err)
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for systemd: %w", ctx.Err())
		}
	}
}

// Close powers the machine off, at once, and removes all of it. What nspawn
// mounted was in a namespace of its own and goes with it.
func (m *Machine) Close() error {
	if m.leader != 0 {
		// nspawn ends when systemd has, and reaps it.
		syscall.Kill(m.leader, syscall.SIGKILL)
		select {
		case <-m.ended:
		case <-time.After(5 * time.Second):
		}
	}
	err := m.groups.kill()
	if m.nspawn != nil && err == nil {
		<-m.ended
	}
	err = errors.Join(err, m.groups.remove(), os.RemoveAll(m.dir))
	m.lock.Close() // last: who sees it unlocked removes the rest
	return err
}

// Signal sends process 1 a signal.
func (m *Machine) Signal(signal syscall.Signal) error {
	if err := syscall.Kill(m.leader, signal); err != nil {
		return fmt.Errorf("send %s to process 1: %w", signal, err)
	}
	return nil
}

// Wait waits for the end of process 1, and returns its exit code.
func (m *Machine) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-m.ended:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(m.err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, m.err
}

// Console is what process 1 and nspawn have written so far.
func (m *Machine) Console() string { return string(m.console()) }

func (m *Machine) root() string {
	return filepath.Join(m.dir, "root")
}

// console is what nspawn and systemd said while booting.
func (m *Machine) console() []byte {
	said, err := os.ReadFile(filepath.Join(m.dir, "console"))
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(said)
}
