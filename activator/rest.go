package activator

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// restTime is how long after a start or a roll an activator gives back what only
// these need. It is longer than a connection to systemd lives that is not used.
const restTime = 1500 * time.Millisecond

// collectFrom is the memory, in kB, from which on a collection gives back more than
// it takes: the first ones take up to a megabyte for the runtime's own tables, which
// stays (runtime/mspanset.go of Go 1.26).
const collectFrom = 2000

// restSoon has the activator rest, unless something is under way again by then. What is
// still to be done takes so long.
func (a *Activator) restSoon(still time.Duration) {
	time.AfterFunc(still+restTime, func() {
		a.do(func() {
			if a.roll == nil && a.starting == 0 {
				a.report(rest())
			}
		})
	})
}

// rest gives memory back: what comes next may be days of waiting, and there is an
// activator for each app.
func rest() error {
	// To ask the runtime would fill the same tables.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("give back memory: %w", err)
	}
	if anonymous(string(status)) >= collectFrom {
		debug.FreeOSMemory()
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("give back memory: %w", err)
	}
	// All of them last: to find them runs code.
	for _, r := range filePages(string(maps)) {
		// What is needed again comes back from the file, by page faults.
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, r.from, r.size, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give back memory: %w", os.NewSyscallError("madvise", errno))
		}
	}
	return nil
}

// anonymous is what a process has in memory that is in no file, in kB, of its status
// (RssAnon of proc(5)).
func anonymous(status string) int {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssAnon:" {
			kB, _ := strconv.Atoi(fields[1])
			return kB
		}
	}
	return 0
}

// pages are a range of addresses.
type pages struct{ from, size uintptr }

// filePages are those that map a file, cannot be written to and never were, of a
// process's mappings (/proc/PID/smaps of proc(5)): its program. What the linker has
// written to and then closed (RELRO) is anonymous, and in no file.
func filePages(smaps string) []pages {
	var found []pages
	var last *pages // of the mapping that the lines are about
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line) // address perms offset dev inode pathname; or name: value kB
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"):
			last = fileMapping(fields)
		case last == nil:
		case (fields[0] == "Anonymous:" || fields[0] == "Swap:") && fields[1] != "0":
			last = nil
		case fields[0] == "VmFlags:": // the last line
			found, last = append(found, *last), nil
		}
	}
	return found
}

// fileMapping is where a private mapping of a file is that cannot be written to; nil
// for any other.
func fileMapping(fields []string) *pages {
	if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") || strings.Contains(fields[1], "w") || !strings.HasSuffix(fields[1], "p") {
		return nil
	}
	first, last, _ := strings.Cut(fields[0], "-")
	from, err := strconv.ParseUint(first, 16, 64)
	to, err2 := strconv.ParseUint(last, 16, 64)
	if err != nil || err2 != nil {
		return nil
	}
	return &pages{uintptr(from), uintptr(to - from)}
}
