package fleet

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// process is what the kernel knows of one.
type process struct {
	began  time.Duration // after boot
	memory int64         // resident, in bytes
}

// ticks is how many there are in a second of what /proc/PID/stat counts: on
// every architecture that Linux has today (sysconf(3), _SC_CLK_TCK).
const ticks = 100

// sinceBoot is how long the machine runs.
func sinceBoot() (time.Duration, error) {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return 0, fmt.Errorf("read the time since boot: %w", err)
	}
	return time.Duration(since.Nano()), nil
}

// mostStat is more than any /proc/PID/stat has, in bytes.
const mostStat = 4096

// readProcess reads /proc/PID/stat into text, of mostStat bytes; false where the
// process has gone. There may be hundreds: os.Open would ask of each whether it can be
// waited for.
func readProcess(pid int, text []byte) (process, bool) {
	file, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false
	}
	defer unix.Close(file)
	n, err := unix.Read(file, text)
	if err != nil {
		return process{}, false
	}
	return parseStat(text[:n]), true
}

// parseStat is what is wanted of /proc/PID/stat.
func parseStat(text []byte) process {
	// The name of the program is in parentheses, and may have any character
	// (proc_pid_stat(5)). The third field comes after it.
	var p process
	n := 3
	for field := range bytes.FieldsSeq(text[bytes.LastIndexByte(text, ')')+1:]) {
		value, _ := strconv.ParseInt(string(field), 10, 64)
		switch n {
		case 22:
			p.began = time.Duration(value) * (time.Second / ticks)
		case 24:
			p.memory = value * int64(os.Getpagesize())
			return p
		}
		n++
	}
	return p
}

// sample is the CPU time that a process had taken at a time.
type sample struct {
	pid int
	cpu time.Duration
	at  time.Time
}

// take reads a process's CPU clock, which anybody may; false where it has gone.
// It has nanoseconds, /proc/PID/stat hundredths of a second.
func take(pid int) (sample, bool) {
	// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) in linux/posix-timers.h; it is what
	// clock_getcpuclockid(3) does.
	const sched = 2
	var cpu unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &cpu); err != nil {
		return sample{}, false
	}
	return sample{pid, time.Duration(cpu.Nano()), time.Now()}, true
}

// percent is what the process took of a CPU since a sample before; false where
// that was of another process.
func (s sample) percent(before sample) (float64, bool) {
	spent := s.at.Sub(before.at)
	if s.pid != before.pid || spent <= 0 {
		return 0, false
	}
	return 100 * float64(s.cpu-before.cpu) / float64(spent), true
}
