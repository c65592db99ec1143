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

// run runs the command once and returns how long the process took.
func (r rival) run(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + r.dir, "PM2_HOME=" + r.dir}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w\n%s", strings.Join(r.command, " "), err, stderr.String())
	}
	return took, nil
}

// measure runs the rivals in turn, so that what else the machine does hits all
// of them, and once before it counts, so that their files are in memory.
func measure(ctx context.Context, rivals []rival, runs int) ([]times, error) {
	out := make([]times, len(rivals))
	for n := range runs + 1 {
		for i, r := range rivals {
			took, err := r.run(ctx)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				out[i] = append(out[i], float64(took)/float64(time.Millisecond))
			}
		}
	}
	for _, t := range out {
		slices.Sort(t)
	}
	return out, nil
}

// times are milliseconds, sorted.
type times []float64

// at returns the time that a part of the runs stays below.
func (t times) at(part float64) float64 { return t[int(part*float64(len(t)-1)+0.5)] }

func (t times) median() float64 { return t.at(0.5) }

// String returns the median, and what a tenth of the runs is below and above.
func (t times) String() string {
	return fmt.Sprintf("%.1f (%.1f to %.1f)", t.median(), t.at(0.1), t.at(0.9))
}
