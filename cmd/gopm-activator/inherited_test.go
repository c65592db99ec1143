package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// inheriting has this test binary, run again, keep descriptors and become a
// program that lists its own.
const inheriting = "GOPM_TEST_INHERIT"

// What stays open has no gap above 15, however many listeners there are.
func TestInherit(t *testing.T) {
	if os.Getenv(inheriting) != "" {
		become(t)
	}
	again := exec.Command(os.Args[0], "-test.run=^TestInherit$")
	again.Env = append(os.Environ(), inheriting+"=yes")
	out, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, list, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	var kept map[string][]int
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	open := strings.Fields(list)
	for name, fds := range kept {
		if len(fds) != copies {
			t.Errorf("%s has the descriptors %v, want %d", name, fds, copies)
		}
		for _, fd := range fds {
			before := fd > 16 && !slices.Contains(open, strconv.Itoa(fd-1))
			if before || !slices.Contains(open, strconv.Itoa(fd)) {
				t.Errorf("%d, or the one before it, is not among the open ones %s", fd, open)
			}
		}
	}
}

// become does what exec does, with 20 listeners.
func become(t *testing.T) {
	var attached control.Attached
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		l.Close()
		attached.Listeners = append(attached.Listeners, control.Socket{Name: l.Addr().String(), FD: fd})
	}
	var err error
	if attached.Channel, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	kept, err := inherit(attached)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(kept.text())
	t.Fatal(unix.Exec("/bin/ls", []string{"ls", "-1", "/proc/self/fd"}, os.Environ()))
}
