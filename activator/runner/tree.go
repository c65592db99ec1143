package runner

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree finds the processes of one run of a unit, which systemd knows by their
// cgroup. Here they are those in the main process's session, those that have the
// run's INVOCATION_ID in their environment, and what descends from either. Only a
// program that has left all three behind gets away.
type tree struct {
	proc       fs.FS // /proc
	session    int   // the main process's number
	invocation string
}

// treeTick is how often a tree is looked at that is to end. Nothing tells of the
// end of a process that is no child.
const treeTick = 20 * time.Millisecond

// members are the processes that run.
func (t tree) members() []int {
	stats, _ := fs.Glob(t.proc, "[0-9]*/stat") // the pattern is a good one
	parents := map[int]int{}
	in := map[int]bool{}
	for _, name := range stats {
		pid, err := strconv.Atoi(filepath.Dir(name))
		if err != nil {
			continue
		}
		text, err := fs.ReadFile(t.proc, name)
		if err != nil {
			continue // it has ended
		}
		parent, session, dead := parseStat(string(text))
		if dead {
			continue
		}
		parents[pid] = parent
		in[pid] = session == t.session || t.has(pid)
	}
	var members []int
	for pid := range parents {
		for at, depth := pid, 0; at > 1 && at != os.Getpid() && depth < len(parents); at, depth = parents[at], depth+1 {
			if in[at] {
				members = append(members, pid)
				break
			}
		}
	}
	return members
}

// has tells whether the run's mark is in the environment that a process began
// with. Another user's cannot be read.
func (t tree) has(pid int) bool {
	env, err := fs.ReadFile(t.proc, fmt.Sprintf("%d/environ", pid))
	return err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00INVOCATION_ID="+t.invocation+"\x00"))
}

// parseStat reads /proc/PID/stat (proc(5)). The name in its parentheses may have
// any byte in it.
func parseStat(text string) (parent, session int, dead bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 4 {
		return 0, 0, true
	}
	parent, _ = strconv.Atoi(fields[1])
	session, _ = strconv.Atoi(fields[3])
	return parent, session, fields[0] == "Z" || fields[0] == "X"
}

// kill sends a signal to each but the main process, which gets its own: two
// SIGINT mean more than one to many programs.
func (t tree) kill(signal unix.Signal) {
	for _, pid := range t.members() {
		if pid != t.session {
			_ = unix.Kill(pid, signal) // it may have ended
		}
	}
}

// gone waits until none is left, for as long as patience, or until hurry.
func (t tree) gone(patience time.Duration, hurry <-chan struct{}) bool {
	tick := time.NewTicker(treeTick)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for len(t.members()) > 0 {
		select {
		case <-tick.C:
		case <-late.C:
			return false
		case <-hurry:
			return false
		}
	}
	return true
}
