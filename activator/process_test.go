package activator

import (
	"errors"
	"os/exec"
	"testing"
)

func TestWatchProcess(t *testing.T) {
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	p, err := watchProcess(sleep.Process.Pid, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	stopped, err := watchProcess(sleep.Process.Pid, func() { t.Error("told of the end after stop") })
	if err != nil {
		t.Fatal(err)
	}
	stopped.stop()
	select {
	case <-ended:
		t.Fatal("told of an end before it came")
	default:
	}
	if err := sleep.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended // also where nobody has reaped it yet
	_ = sleep.Wait()
	if _, err := watchProcess(sleep.Process.Pid, func() {}); !errors.Is(err, errGone) {
		t.Errorf("watching a process that is no more: %v", err)
	}
}
