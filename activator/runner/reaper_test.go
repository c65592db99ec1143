package runner

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A child may ask for something before start has returned: whose it is must be
// known by then.
func TestReaperKnowsAChildAtOnce(t *testing.T) {
	r, err := newReaper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan *process, 1)
	p, err := r.start("x@0.service", func() (int, error) {
		pid, err := syscall.ForkExec(sleep, []string{"sleep", "60"}, nil)
		go func() { asked <- r.find(pid) }()
		time.Sleep(10 * time.Millisecond) // the child is faster
		return pid, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != p || got.unit != "x@0.service" {
		t.Errorf("found %+v, want %+v", got, p)
	}
	p.signal(syscall.SIGKILL)
	<-p.done
	if got := r.find(p.pid); got != nil {
		t.Errorf("found %+v after its end", got)
	}
}
