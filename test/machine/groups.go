package machine

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// groups are a machine's control groups on the host: one in the hierarchy of
// cgroups(7) version 2, and one in systemd's own version 1 hierarchy where the
// host has that as well, because nspawn uses both then.
type groups []string

// makeGroups makes the groups called name, below our own.
func makeGroups(name string) (groups, error) {
	own, err := ownGroups()
	if err != nil {
		return nil, fmt.Errorf("make control group: %w", err)
	}
	var made groups
	for _, dir := range own {
		group := filepath.Join(dir, name)
		if err := os.Mkdir(group, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("make control group: %w", err), made.remove())
		}
		made = append(made, group)
	}
	return made, nil
}

// kill kills every process in the groups (cgroup.kill, Linux 5.14).
func (g groups) kill() error {
	if len(g) == 0 {
		return nil
	}
	if err := os.WriteFile(filepath.Join(g[0], "cgroup.kill"), []byte("1"), 0); err != nil {
		return fmt.Errorf("kill machine: %w", err)
	}
	return nil
}

// remove removes the groups with all below them.
func (g groups) remove() error {
	var errs []error
	for _, group := range g {
		// The processes in it were killed, but the kernel may not be done yet.
		var err error
		for range 100 {
			if err = removeGroup(group); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove control group: %w", err))
		}
	}
	return errors.Join(errs...)
}

func removeGroup(group string) error {
	var dirs []string
	err := filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, dir := range slices.Backward(dirs) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ownGroups finds the folders of the groups that this process is in, version
// 2's first.
func ownGroups() ([]string, error) {
	mounts, err := groupMounts()
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, hierarchy := range []string{"", "name=systemd"} {
		mount, mounted := mounts[hierarchy]
		if !mounted {
			continue
		}
		for line := range strings.Lines(string(own)) {
			// hierarchy-ID:controller-list:cgroup-path
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(fields) == 3 && fields[1] == hierarchy {
				dirs = append(dirs, filepath.Join(mount, fields[2]))
			}
		}
	}
	if len(dirs) == 0 {
		return nil, errors.New("find own control group: none is mounted")
	}
	return dirs, nil
}

// groupMounts returns where version 2 (under the name "") and systemd's
// version 1 hierarchy ("name=systemd") are mounted.
func groupMounts() (map[string]string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mounts := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		switch {
		case fields[2] == "cgroup2":
			mounts[""] = fields[1]
		case fields[2] == "cgroup" && slices.Contains(strings.Split(fields[3], ","), "name=systemd"):
			mounts["name=systemd"] = fields[1]
		}
	}
	return mounts, lines.Err()
}
