package measures

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// memory is what processes take, in kB (smaps_rollup of proc(5)): their share of
// the pages (PSS), and what is theirs alone and in no file (RssAnon).
func (r *Round) memory(pids []int) (pss, anonymous int, err error) {
	for _, pid := range pids {
		folder := "/proc/" + strconv.Itoa(pid)
		share, err := r.kilobytes(folder+"/smaps_rollup", "Pss:")
		if err != nil {
			return 0, 0, err
		}
		own, err := r.kilobytes(folder+"/status", "RssAnon:")
		if err != nil {
			return 0, 0, err
		}
		pss, anonymous = pss+share, anonymous+own
	}
	return pss, anonymous, nil
}

func (r *Round) kilobytes(name, key string) (int, error) {
	text, err := r.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == key {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, fmt.Errorf("read %s: no %s", name, key)
}

func megabytes(kB int) float64 { return float64(kB) / 1000 }

// activity is what processes have done since they began.
type activity struct {
	wakeups int           // times that one of their threads went to sleep by itself
	cpu     time.Duration // on a CPU
}

// activity adds up all threads of the processes: status and schedstat of proc(5)
// and the kernel's sched-stats.rst.
func (r *Round) activity(ctx context.Context, pids []int) (activity, error) {
	var sum activity
	for _, pid := range pids {
		folder := "/proc/" + strconv.Itoa(pid) + "/task/*/"
		text, err := r.Run(ctx, "sh", "-c", "grep -h ^voluntary "+folder+"status; cat "+folder+"schedstat")
		if err != nil {
			return sum, err
		}
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			n, err := strconv.Atoi(fields[len(fields)-1])
			if err == nil && len(fields) == 3 {
				n, err = strconv.Atoi(fields[0])
			}
			if err != nil {
				return sum, fmt.Errorf("read activity of process %d: %w", pid, err)
			}
			if len(fields) == 3 {
				sum.cpu += time.Duration(n)
			} else {
				sum.wakeups += n
			}
		}
	}
	return sum, nil
}
