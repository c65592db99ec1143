package activator

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CPUs is how many CPUs this process may use: its affinity, and the quota of
// every cgroup it is in, rounded up. host is the root of the file system.
func CPUs(host fs.FS) int {
	n := 1
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil {
		n = set.Count()
	}
	return max(1, min(n, quota(host)))
}

// quota reads cpu.max from this process's cgroup up to the root (cgroup v2,
// Documentation/admin-guide/cgroup-v2.rst). A file that is absent is no limit.
func quota(host fs.FS) int {
	limit := math.MaxInt
	own, err := fs.ReadFile(host, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(own)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		for dir := path.Join("sys/fs/cgroup", group); dir != "sys/fs"; dir = path.Dir(dir) {
			if text, err := fs.ReadFile(host, path.Join(dir, "cpu.max")); err == nil {
				limit = min(limit, parseQuota(string(text)))
			}
		}
	}
	return limit
}

// parseQuota reads "MAX PERIOD", both in microseconds, or "max PERIOD".
func parseQuota(text string) int {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return math.MaxInt
	}
	allowed, err := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	if err != nil || err2 != nil || period <= 0 {
		return math.MaxInt
	}
	return int(math.Ceil(allowed / period))
}
