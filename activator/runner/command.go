package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/units"
)

// activatorPath is where systemd's units look for gopm-activator.
const activatorPath = "/usr/bin/gopm-activator"

// tools are gopm's own programs as they are on this machine.
type tools struct{ activator, agent, runtime string }

// place puts them into a command of a unit.
func (t tools) place(list []string) []string {
	out := slices.Clone(list)
	if len(out) > 1 && out[0] == activatorPath {
		flags := []string{t.activator, out[1], "--runtime=" + t.runtime}
		if out[1] == "exec" && t.agent != units.Agent {
			flags = append(flags, "--agent="+t.agent)
		}
		out = append(flags, out[2:]...)
	}
	for i, word := range out {
		if word == "--require="+units.Agent {
			out[i] = "--require=" + t.agent
		}
	}
	return out
}

// account is who a unit's processes run as. credential is nil for who this
// process runs as.
type account struct {
	credential *syscall.Credential
	env        []string
}

// accountOf is what systemd.exec(5) says of User= and Group=. Only root can be
// anybody else.
func accountOf(name, group string) (account, error) {
	if os.Getuid() != 0 || (name == "" || name == "root" || name == "0") && group == "" {
		return account{}, nil
	}
	if name == "" {
		name = "root"
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return account{}, fmt.Errorf("find User=%s: %w", name, err)
		}
	}
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			if g, err = user.LookupGroupId(group); err != nil {
				return account{}, fmt.Errorf("find Group=%s: %w", group, err)
			}
		}
		gid = g.Gid
	}
	all, err := u.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("find groups of %s: %w", name, err)
	}
	c := &syscall.Credential{}
	for _, n := range []struct {
		text string
		to   *uint32
	}{{u.Uid, &c.Uid}, {gid, &c.Gid}} {
		id, err := strconv.ParseUint(n.text, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("read ID of %s: %w", name, err)
		}
		*n.to = uint32(id)
	}
	for _, text := range all {
		if id, err := strconv.ParseUint(text, 10, 32); err == nil {
			c.Groups = append(c.Groups, uint32(id))
		}
	}
	return account{c, []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username}}, nil
}

// execution is a command that is ready to be started.
type execution struct {
	words          []string
	dir            string
	env            []string
	who            account
	stdout, stderr *os.File
	affinity       string
}

// start starts it for a unit, in a session of its own: what a terminal sends, such as
// SIGINT, is for gopm. It ends with this process, however that ends. born, where it
// is not nil, is called before the new process can be found.
func (e execution) start(r *reaper, unit string, born func(pid int)) (*process, error) {
	path, err := find(e.words[0], lookup(e.env, "PATH"))
	if err != nil {
		return nil, err
	}
	if e.dir != "" {
		// ForkExec does not tell a folder from a program that is not there.
		if _, err := os.Stat(e.dir); err != nil {
			return nil, fmt.Errorf("go to WorkingDirectory=: %w", err)
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Dir: e.dir, Env: e.env,
		Files: []uintptr{null.Fd(), e.stdout.Fd(), e.stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL, Credential: e.who.credential},
	}
	return r.start(unit, func() (int, error) {
		back, err := bind(e.affinity)
		if err != nil {
			return 0, err
		}
		defer back()
		pid, err := syscall.ForkExec(path, e.words, attr)
		if err != nil {
			return 0, fmt.Errorf("execute %s: %w", path, err)
		}
		if born != nil {
			born(pid)
		}
		return pid, nil
	})
}

// find looks for a program in the PATH of who is to run it.
func find(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at, nil
		}
	}
	return "", fmt.Errorf("find %s in PATH %q: %w", name, path, fs.ErrNotExist)
}

// bind binds the calling thread to CPUs, as CPUAffinity= lists them, until back.
func bind(affinity string) (back func(), err error) {
	if affinity == "" {
		return func() {}, nil
	}
	var before, wanted unix.CPUSet
	for _, part := range strings.FieldsFunc(affinity, func(r rune) bool { return r == ' ' || r == ',' }) {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read CPUAffinity=%s: %w", affinity, err)
		}
		for cpu := from; cpu <= min(to, len(wanted)*strconv.IntSize); cpu++ {
			wanted.Set(cpu)
		}
	}
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("read CPU affinity: %w", err)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		return nil, fmt.Errorf("apply CPUAffinity=%s: %w", affinity, err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &before) }, nil
}
