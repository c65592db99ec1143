package conversion

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/gopm/gopm/test/bench/results"
)

// rival is a command that is measured.
type rival struct {
	name    string
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

// add adds what a run took. CPU time depends less on what else the machine does.
func (r rival) add(to *results.Results, title string, round int, took, cpu time.Duration) {
	s := results.Sample{Measure: Name, Case: title, Unit: "ms", Peer: r.name, Round: round}
	s.Metric, s.Value = "time", float64(took)/float64(time.Millisecond)
	to.Add(s)
	s.Metric, s.Value = "CPU", float64(cpu)/float64(time.Millisecond)
	to.Add(s)
}
