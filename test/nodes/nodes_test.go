package nodes_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gopm/gopm/test/nodes"
)

func TestPathRunsTheMajorAskedFor(t *testing.T) {
	for _, major := range nodes.Supported() {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			t.Parallel()
			node, err := nodes.Path(major)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(node, "--version").Output()
			if err != nil {
				t.Fatal(err)
			}
			if want := "v" + strconv.Itoa(major) + "."; !strings.HasPrefix(string(out), want) {
				t.Errorf("%s --version printed %q, want %q first", node, out, want)
			}
		})
	}
}

func TestPathInstallsOnceForConcurrentCallers(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("GOPM_TEST_CACHE", cache)
	paths := make([]string, 4)
	var callers sync.WaitGroup
	for i := range paths {
		callers.Go(func() {
			path, err := nodes.Path(18)
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	callers.Wait()
	for _, path := range paths {
		if path != paths[0] {
			t.Errorf("callers got different files: %q", paths)
		}
	}
	left, err := filepath.Glob(filepath.Join(cache, "nodes", "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(cache, "nodes", "v18.20.8"), filepath.Join(cache, "nodes", "v18.20.8.lock")}
	if strings.Join(left, " ") != strings.Join(want, " ") {
		t.Errorf("the cache holds %q, want %q", left, want)
	}
}

func TestPathRefusesAMajorThatIsNotPinned(t *testing.T) {
	_, err := nodes.Path(17)
	const want = "find Node 17: no such release is pinned, only [16 18 20 22 24 26]"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
