package main

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestIsOf(t *testing.T) {
	const worker = "/system.slice/system-my\\x2dapi.slice/my-api@0.service"
	tests := map[string]struct {
		own, theirs string
		want        bool
	}{
		"the main process":                   {"0::" + worker, "0::" + worker, true},
		"one that the app has put below":     {"0::" + worker, "0::" + worker + "/jobs", true},
		"where the unit's folder is its own": {"0::" + worker + "/.control", "0::" + worker, true},
		"of version 1":                       {"3:cpu:/\n1:name=systemd:" + worker, "3:cpu:/\n1:name=systemd:" + worker, true},
		"another instance":                   {"0::" + worker, "0::/system.slice/system-my\\x2dapi.slice/my-api@1.service", false},
		"one whose name only begins alike":   {"0::" + worker, "0::" + worker + "2", false},
		"systemd":                            {"0::" + worker, "0::/init.scope", false},
		"in no folder":                       {"0::/", "0::/", false},
		"in no folder, and it is":            {"0::/", "0::" + worker, false},
		"not told":                           {"", "", false},
	}
	for name, test := range tests {
		if got := isOf(test.own+"\n", test.theirs+"\n"); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestMainProcess(t *testing.T) {
	over := exec.Command("true")
	if err := over.Run(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pid   string
		ended bool
	}{
		"called by hand":          {"", false},
		"no number":               {"x", false},
		"one that has ended":      {strconv.Itoa(over.Process.Pid), true},
		"one of no unit, or init": {"1", false},
	} {
		t.Setenv("MAINPID", test.pid)
		if test.pid == "" {
			os.Unsetenv("MAINPID")
		}
		if got := mainProcess(false); got.pidfd != -1 || got.ended != test.ended {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	// In a container every process may be in the same cgroup.
	t.Setenv("MAINPID", strconv.Itoa(os.Getppid()))
	got := mainProcess(true)
	if got.pidfd < 0 || got.ended {
		t.Errorf("of a gopm run: got %+v", got)
	}
	unix.Close(got.pidfd)
}
