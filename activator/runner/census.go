package runner

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
)

// census knows the processes of the machine. To look at them takes the longer the more
// there are: those who ask while it looks share the next look, which begins after they
// asked.
type census struct {
	proc    fs.FS         // /proc
	looking chan struct{} // has room for one look at a time

	mu   sync.Mutex
	next *look // nil where nobody has asked for it
}

func newCensus(proc fs.FS) *census { return &census{proc: proc, looking: make(chan struct{}, 1)} }

// look is one at all processes.
type look struct {
	done chan struct{} // closed when there are
	them map[int]person
}

// person is a process that runs.
type person struct {
	parent, session int
	invocations     []string // of the runs whose mark is in the environment that it began with
}

// people are the processes by number, as they are after the call.
func (c *census) people() map[int]person {
	c.mu.Lock()
	l := c.next
	if l == nil {
		l = &look{done: make(chan struct{})}
		c.next = l
		go c.begin(l)
	}
	c.mu.Unlock()
	<-l.done
	return l.them
}

// begin looks when the look before is over.
func (c *census) begin(l *look) {
	c.looking <- struct{}{}
	defer func() { <-c.looking }()
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	l.them = count(c.proc)
	close(l.done)
}

func count(proc fs.FS) map[int]person {
	entries, _ := fs.ReadDir(proc, ".") // without a /proc nothing is known
	them := make(map[int]person)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // no process
		}
		text, err := fs.ReadFile(proc, entry.Name()+"/stat")
		if err != nil {
			continue // it has ended
		}
		parent, session, dead := parseStat(string(text))
		if !dead {
			them[pid] = person{parent, session, invocationsOf(proc, pid)}
		}
	}
	return them
}

// invocationsOf are the marks of runs in a process's environment. Another user's cannot
// be read.
func invocationsOf(proc fs.FS, pid int) []string {
	env, _ := fs.ReadFile(proc, fmt.Sprintf("%d/environ", pid))
	var marks []string
	for entry := range strings.SplitSeq(string(env), "\x00") {
		if mark, ok := strings.CutPrefix(entry, "INVOCATION_ID="); ok {
			marks = append(marks, mark)
		}
	}
	return marks
}
