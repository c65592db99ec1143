package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// rival is a command that is measured.
type rival struct {
	dir     string
	command []string
}

// run runs the command once. It returns how long that took, and how much of it
// the process and its threads had a CPU.
func (r rival) run(ctx context.Context) (took, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + r.dir, "PM2_HOME=" + r.dir}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	err = cmd.Run()
	took = time.Since(begin)
	if err != nil {
		return 0, 0, fmt.Errorf("run %s: %w\n%s", strings.Join(r.command, " "), err, stderr.String())
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// figures are what was measured of a rival.
type figures struct{ took, cpu times }

// ratio says how much longer the other took, and how much more of a CPU, which
// depends less on what else the machine does.
func (f figures) ratio(other figures) string {
	return fmt.Sprintf("%.1f (CPU %.1f)", other.took.median()/f.took.median(), other.cpu.median()/f.cpu.median())
}

// measure runs the rivals in turn, so that what else the machine does hits all
// of them, and once before it counts, so that their files are in memory.
func measure(ctx context.Context, rivals []rival, runs int) ([]figures, error) {
	out := make([]figures, len(rivals))
	for n := range runs + 1 {
		for i, r := range rivals {
			took, cpu, err := r.run(ctx)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				out[i].took = append(out[i].took, milliseconds(took))
				out[i].cpu = append(out[i].cpu, milliseconds(cpu))
			}
		}
	}
	for _, f := range out {
		slices.Sort(f.took)
		slices.Sort(f.cpu)
	}
	return out, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// times are milliseconds, sorted.
type times []float64

// at returns the time that a part of the runs stays below.
func (t times) at(part float64) float64 { return t[int(part*float64(len(t)-1)+0.5)] }

func (t times) median() float64 { return t.at(0.5) }

// String returns the median, and what a tenth of the runs is below and above.
func (t times) String() string {
	return fmt.Sprintf("%.1f (%.1f to %.1f)", t.median(), t.at(0.1), t.at(0.9))
}
