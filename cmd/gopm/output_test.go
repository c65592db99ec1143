package main

import (
	"os"
	"testing"

	"github.com/gopm/gopm/terminal"
)

// A verb whose answer is lost fails, and says so once.
func TestLostOutput(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"--help"}, {"help", "ls"}, {"save"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		w, stderr := outside()
		out := &output{File: full}
		w.stdout = out
		err = out.or(run(t.Context(), args, w))
		if want := "write /dev/full: no space left on device"; err == nil || err.Error() != want || stderr.Len() > 0 {
			t.Errorf("gopm %v ends with %v and says %q, want %s", args, err, stderr, want)
		}
	}
}

// It is the terminal that its file is.
func TestOutputIsATerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	w, _ := outside()
	if of := terminal.Of(&output{File: master}, w.getenv); !of.Is {
		t.Errorf("it is %+v", of)
	}
}
