package runner

import (
	"os"
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
