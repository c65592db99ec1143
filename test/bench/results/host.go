package results

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is where and when a run was.
type Host struct {
	CPU     string    `json:"cpu"`
	CPUs    int       `json:"cpus"`
	Memory  int       `json:"memory_mb"`
	Kernel  string    `json:"kernel"`
	Systemd string    `json:"systemd"`
	Node    string    `json:"node"`
	PM2     string    `json:"pm2"`
	Nginx   string    `json:"nginx"`
	Wrk     string    `json:"wrk"`
	Commit  string    `json:"commit"`
	Date    time.Time `json:"date"`
	// Load is the host's load average over a minute when the run began: much of
	// it means that the figures are those of a busy machine.
	Load float64 `json:"load"`
}

// Describe describes this host. The programs' versions are the caller's.
func Describe() (Host, error) {
	h := Host{CPUs: runtime.NumCPU(), Date: time.Now().UTC().Truncate(time.Second)}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return h, err
	}
	for line := range strings.Lines(string(info)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			h.CPU = strings.Trim(name, "\t :\n")
			break
		}
	}
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return h, err
	}
	h.Kernel = unix.ByteSliceToString(system.Release[:])
	var now unix.Sysinfo_t
	if err := unix.Sysinfo(&now); err != nil {
		return h, err
	}
	h.Memory = int(now.Totalram * uint64(now.Unit) / 1_000_000)
	h.Load = float64(now.Loads[0]) / (1 << 16)
	// With the setting, root may ask about somebody else's repository.
	commit, err := exec.Command("git", "-c", "safe.directory=*", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if h.Commit = strings.TrimSpace(string(commit)); err != nil {
		h.Commit = "of no known commit" // not a checkout
	}
	// Its exit code is 1 when it prints its version, beside much else.
	version, _ := exec.Command("wrk", "--version").CombinedOutput()
	if fields := strings.Fields(string(version)); len(fields) > 1 {
		h.Wrk = strings.Join(fields[:2], " ")
	}
	return h, nil
}

// String is a paragraph.
func (h Host) String() string {
	return fmt.Sprintf("%d × %s, %d GB, Linux %s, %s, Node %s, PM2 %s, %s, %s; gopm %s, %s; load average %.1f before",
		h.CPUs, h.CPU, (h.Memory+500)/1000, h.Kernel, h.Systemd, h.Node, h.PM2, h.Nginx, h.Wrk, h.Commit, h.Date.Format(time.RFC3339), h.Load)
}
