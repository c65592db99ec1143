package machine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// makeRoot fills the machine's root, except for /usr, and returns the folders
// that make up its /usr, the lowest first.
func makeRoot(ctx context.Context, root string, o Options) (usr []string, err error) {
	for _, dir := range []string{"dev", "etc", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|fs.ModeSticky); err != nil {
		return nil, err
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+dir, filepath.Join(root, dir)); err != nil {
			return nil, err
		}
	}

	usr = []string{"/usr"}
	etc := hostEtc
	if o.Release != "" {
		release, err := debian(ctx, o.Release)
		if err != nil {
			return nil, err
		}
		if err := copyFolder(filepath.Join(release, "etc"), filepath.Join(root, "etc")); err != nil {
			return nil, err
		}
		if o.Writable {
			if err := copyFolder(filepath.Join(release, "var"), filepath.Join(root, "var")); err != nil {
				return nil, err
			}
			if err := os.Mkdir(filepath.Join(filepath.Dir(root), "usr"), 0o755); err != nil {
				return nil, err
			}
		}
		usr = []string{filepath.Join(release, "usr")}
		etc = nil
	}
	// nspawn looks for it before it mounts /usr.
	release, err := os.ReadFile(filepath.Join(usr[0], "lib/os-release"))
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(root, "usr/lib/os-release"), string(release)); err != nil {
		return nil, err
	}
	if len(o.Init.Command) > 0 {
		// nspawn cannot make them below a read-only root. They are folders.
		for inside := range o.Binds {
			if err := os.MkdirAll(filepath.Join(root, inside), 0o755); err != nil {
				return nil, err
			}
		}
	}
	for inside, host := range o.Copies {
		if err := copyFolder(host, filepath.Join(root, inside)); err != nil {
			return nil, err
		}
	}
	for _, layer := range []map[string]string{etc, settings, o.Files} {
		for name, content := range layer {
			if err := writeFile(filepath.Join(root, name), content); err != nil {
				return nil, err
			}
		}
	}
	return append(usr, o.Usr...), nil
}

// settings are files that every machine has.
var settings = map[string]string{
	// Not empty: that would be a first boot, with presets and questions.
	"/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
	"/etc/hostname":   "gopm\n",
	"/etc/hosts":      "127.0.0.1 localhost gopm\n::1 localhost\n",
	// A test that fails must not miss the line that says why.
	"/etc/systemd/journald.conf.d/test.conf": "[Journal]\nStorage=volatile\nRateLimitBurst=0\nForwardToConsole=no\n",
}

// hostEtc is the least /etc that Debian's systemd and D-Bus boot with: what
// their packages' scripts would have written. systemd-sysusers adds the rest.
var hostEtc = map[string]string{
	"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
		"messagebus:x:100:100::/nonexistent:/usr/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"/etc/group": "root:x:0:\n" +
		"messagebus:x:100:\n" +
		"nogroup:x:65534:\n",
}

func copyFolder(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	// cp keeps what os.CopyFS refuses: symbolic links and owners.
	out, err := exec.Command("cp", "--archive", from+"/.", to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

func writeFile(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o644)
}
