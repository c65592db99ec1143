package fleet

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a unit's processes use.
type usage struct {
	began  time.Time // the main process
	memory int64     // bytes, of all of them
	// cpu is the time that they and those before them in this run have taken; false:
	// it is not known.
	cpu     time.Duration
	counted bool
	grain   time.Duration // in which it is counted
	at      time.Time     // when this was read
}

// ticks is how many there are in a second of what /proc/PID/stat counts: on
// every architecture that Linux has today (sysconf(3), _SC_CLK_TCK).
const ticks = 100

// boot is when the machine was booted, by its clock of today.
func boot(now time.Time) (time.Time, error) {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return time.Time{}, fmt.Errorf("read the time since boot: %w", err)
	}
	return now.Add(-time.Duration(since.Nano())), nil
}

// measure reads what a main process uses or, where it is a unit's, all of its
// unit; false where it has gone.
func measure(host fs.FS, pid int, ofUnit bool, booted time.Time) (usage, bool) {
	main, ok := readProcess(host, pid)
	if !ok {
		return usage{}, false
	}
	u := usage{began: booted.Add(main.began), memory: main.memory, cpu: main.cpu, counted: true, grain: time.Second / ticks, at: time.Now()}
	group, ok := groupOf(host, pid)
	if !ok || !ofUnit {
		return u, true
	}
	u.cpu, u.counted = cpuOf(host, group)
	u.grain, u.at = time.Microsecond, time.Now()
	members, err := fs.ReadFile(host, path.Join(group, "cgroup.procs"))
	if err != nil {
		return u, true
	}
	for member := range strings.FieldsSeq(string(members)) {
		if other, err := strconv.Atoi(member); err == nil && other != pid {
			p, _ := readProcess(host, other)
			u.memory += p.memory
		}
	}
	return u, true
}

// process is what /proc/PID/stat tells.
type process struct {
	began  time.Duration // after boot
	cpu    time.Duration
	memory int64
}

func readProcess(host fs.FS, pid int) (process, bool) {
	text, err := fs.ReadFile(host, fmt.Sprintf("proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	// The name of the program is in parentheses, and may have any character
	// (proc_pid_stat(5)). The third field comes after it.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	field := func(n int) int64 {
		if n-3 >= len(fields) {
			return 0
		}
		value, _ := strconv.ParseInt(string(fields[n-3]), 10, 64)
		return value
	}
	return process{
		began:  time.Duration(field(22)) * (time.Second / ticks),
		cpu:    time.Duration(field(14)+field(15)) * (time.Second / ticks),
		memory: field(24) * int64(os.Getpagesize()),
	}, true
}

// groupOf is the folder of a process's control group in version 2, without the
// first slash.
func groupOf(host fs.FS, pid int) (string, bool) {
	text, err := fs.ReadFile(host, fmt.Sprintf("proc/%d/cgroup", pid))
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path.Join("sys/fs/cgroup", at), true
		}
	}
	return "", false
}

// cpuOf is the CPU time that a control group has taken.
func cpuOf(host fs.FS, group string) (time.Duration, bool) {
	text, err := fs.ReadFile(host, path.Join(group, "cpu.stat"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return time.Duration(n) * time.Microsecond, err == nil
		}
	}
	return 0, false
}
