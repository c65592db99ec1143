package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process may ask for something before start has returned: whose it is, and that it
// is the main one, must be known by then.
func TestReaperKnowsAChildAtOnce(t *testing.T) {
	r, err := newReaper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	asked := make(chan *process, 1)
	born := 0
	e := execution{words: []string{"sleep", "60"}, env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	p, err := e.start(r, "x@0.service", func(pid int) {
		go func() { asked <- r.find(pid) }()
		time.Sleep(10 * time.Millisecond) // the process is faster
		born = pid
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != p || got.unit != "x@0.service" || born != p.pid {
		t.Errorf("found %+v, born %d, want %+v", got, born, p)
	}
	p.signal(syscall.SIGKILL)
	<-p.done
	if got := r.find(p.pid); got != nil {
		t.Errorf("found %+v after its end", got)
	}
}

// Whatever who started gopm ignores, a unit does not.
func TestReaperIgnoresNothing(t *testing.T) {
	const inner = "GOPM_TEST_IGNORES_SIGINT"
	if os.Getenv(inner) == "" {
		again := exec.Command("sh", "-c", `trap "" INT; exec "$0" -test.run='^TestReaperIgnoresNothing$'`, os.Args[0])
		again.Env = append(os.Environ(), inner+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	r, err := newReaper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	e := execution{words: []string{"sleep", "60"}, env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	p, err := e.start(r, "x@0.service", nil)
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	_, ignored, _ := strings.Cut(string(status), "\nSigIgn:\t")
	ignored, _, _ = strings.Cut(ignored, "\n")
	mask, err2 := strconv.ParseUint(ignored, 16, 64)
	if err := errors.Join(err, err2); err != nil || mask&(1<<(syscall.SIGHUP-1)|1<<(syscall.SIGINT-1)) != 0 {
		t.Errorf("it ignores %s, %v", ignored, err)
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}
