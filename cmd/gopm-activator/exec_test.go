package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/units"
)

func TestWorkerEnv(t *testing.T) {
	env := []string{"PORT=3000", "NODE_OPTIONS=--max-old-space-size=100", "NODE_APP_INSTANCE=9", "NODE_UNIQUE_ID=9", "pm_id=9", "GOPM_LISTEN={}"}
	tests := map[string]struct {
		fork      bool
		listeners map[string][]int
		want      []string
	}{
		"cluster": {want: []string{
			"PORT=3000",
			"GOPM_LISTEN={}",
			"NODE_CHANNEL_FD=7",
			"NODE_CHANNEL_SERIALIZATION_MODE=json",
			"NODE_APP_INSTANCE=2",
			"pm_id=2",
			"name=my-api",
			"NODE_UNIQUE_ID=3",
			"NODE_OPTIONS=--require=/usr/lib/gopm/agent.cjs --max-old-space-size=100",
		}},
		"fork": {fork: true, want: []string{
			"PORT=3000",
			"NODE_OPTIONS=--max-old-space-size=100",
			"NODE_CHANNEL_FD=7",
			"NODE_CHANNEL_SERIALIZATION_MODE=json",
			"NODE_APP_INSTANCE=2",
			"pm_id=2",
			"name=my-api",
		}},
		"fork with listeners": {fork: true, listeners: map[string][]int{"[::]:3000": {8, 9}, "/run/a b": {10}}, want: []string{
			"PORT=3000",
			"NODE_OPTIONS=--max-old-space-size=100",
			"NODE_CHANNEL_FD=7",
			"NODE_CHANNEL_SERIALIZATION_MODE=json",
			"NODE_APP_INSTANCE=2",
			"pm_id=2",
			"name=my-api",
			`GOPM_LISTEN={"/run/a b":[10],"[::]:3000":[8,9]}`,
		}},
	}
	for name, test := range tests {
		if got := workerEnv(env, "my-api", 2, inherited{7, test.listeners}, execOptions{fork: test.fork, agent: units.Agent}); !slices.Equal(got, test.want) {
			t.Errorf("%s: environment is %q, want %q", name, got, test.want)
		}
	}
}

// A signal that comes before the app has taken its place ends it all the same.
func TestExecIsStopped(t *testing.T) {
	const inner = "GOPM_TEST_EXEC"
	if dir := os.Getenv(inner); dir != "" {
		os.Args = []string{"gopm-activator", "--runtime=" + dir, "exec", "my-api", "0", "sleep", "60"}
		main()
		return
	}
	dir := t.TempDir()
	path := control.Manager{Runtime: dir}.Address("my-api").Path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	activator, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer activator.Close()
	again := exec.Command(os.Args[0], "-test.run=^TestExecIsStopped$")
	again.Env = append(os.Environ(), inner+"="+dir)
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := activator.Accept() // and no answer
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := again.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = again.Wait()
	if status := again.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != unix.SIGTERM {
		t.Errorf("exec ended with %v, want SIGTERM", again.ProcessState)
	}
}

// A file may give the app another name than its units have, or the variable
// another value.
func TestNameIsKept(t *testing.T) {
	got := workerEnv([]string{"name=My API"}, "my-api", 0, inherited{channel: 7}, execOptions{fork: true})
	if !slices.Contains(got, "name=My API") || slices.Contains(got, "name=my-api") {
		t.Errorf("environment is %q", got)
	}
}

func TestIncrements(t *testing.T) {
	got, err := parseIncrements([]string{"PORT=3000", "OFFSET=-1"}, 2)
	if want := []string{"PORT=3002", "OFFSET=1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	env := without([]string{"PORT=80", "PORTS=1", "A=b"}, got)
	if want := []string{"PORTS=1", "A=b"}; !slices.Equal(env, want) {
		t.Errorf("left is %q, want %q", env, want)
	}
}

func TestCPUOf(t *testing.T) {
	var may unix.CPUSet
	for _, cpu := range []int{1, 3, 70} {
		may.Set(cpu)
	}
	var got []int
	for instance := range 5 {
		got = append(got, cpuOf(&may, instance))
	}
	if want := []int{1, 3, 70, 1, 3}; !slices.Equal(got, want) {
		t.Errorf("instances are on CPUs %v, want %v", got, want)
	}
}

// pinned has this test binary, run again, pin itself and become a program that
// tells its CPUs.
const pinned = "GOPM_TEST_PIN"

func TestPin(t *testing.T) {
	if instance, err := strconv.Atoi(os.Getenv(pinned)); err == nil {
		runtime.LockOSThread()
		if err := pin(instance); err != nil {
			t.Fatal(err)
		}
		t.Fatal(unix.Exec("/bin/grep", []string{"grep", "Cpus_allowed_list", "/proc/self/status"}, nil))
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	for instance := range 3 {
		again := exec.Command(os.Args[0], "-test.run=^TestPin$")
		again.Env = append(os.Environ(), pinned+"="+strconv.Itoa(instance))
		out, err := again.CombinedOutput()
		want := "Cpus_allowed_list:\t" + strconv.Itoa(cpuOf(&may, instance))
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("instance %d: %q and %v, want %q", instance, got, err, want)
		}
	}
}
