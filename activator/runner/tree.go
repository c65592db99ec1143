package runner

import (
	"os"
	"slices"
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
	census     *census
	session    int // the main process's number
	invocation string
}

// treeTick is how often a tree is looked at that is to end. Nothing tells of the
// end of a process that is no child.
const treeTick = 20 * time.Millisecond

// members are the processes that run.
func (t tree) members() []int {
	people := t.census.people()
	isIn := func(pid int) bool {
		p, ok := people[pid]
		return ok && (p.session == t.session || slices.Contains(p.invocations, t.invocation))
	}
	var members []int
	for pid := range people {
		for at, depth := pid, 0; at > 1 && at != os.Getpid() && depth < len(people); at, depth = people[at].parent, depth+1 {
			if isIn(at) {
				members = append(members, pid)
				break
			}
		}
	}
	return members
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
