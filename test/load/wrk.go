package load

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// Wrk is a load made by wrk(1), which never sends a request again.
type Wrk struct {
	Command     func(ctx context.Context, name string, args ...string) *exec.Cmd
	Address     string
	Profile     Profile
	Connections int
	Timeout     time.Duration // in whole seconds; an answer that takes longer counts as failed
}

// limit ends a wrk that nobody stops.
const limit = "600s"

// Start begins to send.
func (w Wrk) Start(ctx context.Context) (*Running, error) {
	scheme := "http://"
	if w.Profile == Secure {
		scheme = "https://"
	}
	cmd := w.Command(ctx, "wrk", "--threads=1", "--latency", "--connections="+strconv.Itoa(w.Connections), "--duration="+limit,
		"--timeout="+strconv.Itoa(int(w.Timeout.Seconds()))+"s", "--header="+w.Profile.header(), scheme+w.Address+w.Profile.path())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start wrk: %w", err)
	}
	return &Running{
		stop: func() { go interrupt(cmd.Process) },
		result: func() (Result, error) {
			if err := cmd.Wait(); err != nil {
				return Result{}, fmt.Errorf("run wrk: %w\n%s", err, out.Bytes())
			}
			return parseWrk(out.String())
		},
	}, nil
}

// interrupt has wrk end and print what it has. One SIGINT is not enough: caught
// before wrk sleeps for its duration, it is forgotten.
func interrupt(wrk *os.Process) {
	for wrk.Signal(syscall.SIGINT) == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in ([0-9.]+[a-z]+),`)
	wrkLatency  = regexp.MustCompile(`(?m)^\s*(50|99)%\s+([0-9.]+[a-z]+)\s*$`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$`)
	wrkStatus   = regexp.MustCompile(`(?m)^\s*Non-2xx or 3xx responses: (\d+)$`)
)

// parseWrk reads wrk's summary. wrk prints the lines about errors only where
// there were any, and counts an answer with a bad status as a request too.
func parseWrk(out string) (Result, error) {
	requests := wrkRequests.FindStringSubmatch(out)
	if requests == nil {
		return Result{}, fmt.Errorf("read wrk's summary: no number of requests in:\n%s", out)
	}
	r := Result{Failed: map[string]int{}}
	r.Answered, _ = strconv.Atoi(requests[1])
	var err error
	if r.Took, err = time.ParseDuration(requests[2]); err != nil {
		return Result{}, fmt.Errorf("read wrk's summary: %w", err)
	}
	for _, found := range wrkLatency.FindAllStringSubmatch(out, -1) {
		took, err := time.ParseDuration(found[2])
		if err != nil {
			return Result{}, fmt.Errorf("read wrk's summary: %w", err)
		}
		if found[1] == "50" {
			r.P50 = took
		} else {
			r.P99 = took
		}
	}
	if found := wrkErrors.FindStringSubmatch(out); found != nil {
		for i, what := range []string{"connect", "read", "write", "timeout"} {
			r.Failed[what], _ = strconv.Atoi(found[i+1])
		}
	}
	if found := wrkStatus.FindStringSubmatch(out); found != nil {
		r.Failed["status"], _ = strconv.Atoi(found[1])
		r.Answered -= r.Failed["status"]
	}
	return r, nil
}
