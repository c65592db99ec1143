package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// ErrClosed tells that the journal is not open to the user, and what opens it.
var ErrClosed = errors.New("the journal is not open to you: join the group systemd-journal or adm (sudo usermod --append --groups systemd-journal $USER) and log in again, or use sudo")

// Readable tells why the user of this process cannot read the journal; nil where
// he can. journalctl(1) itself only shows less then.
func (j Journal) Readable(host fs.FS) error {
	names := []string{"system.journal"}
	if j.User { // his own part is a file of its own, where the journal is kept on a disk
		names = append(names, fmt.Sprintf("user-%d.journal", j.UID))
	}
	closed := false
	for _, root := range []string{"var/log/journal", "run/log/journal"} {
		machines, _ := fs.ReadDir(host, root) // it need not be there
		for _, machine := range machines {
			entries, err := fs.ReadDir(host, path.Join(root, machine.Name()))
			closed = closed || errors.Is(err, fs.ErrPermission)
			for _, entry := range entries {
				if !slices.Contains(names, entry.Name()) {
					continue
				}
				file, err := host.Open(path.Join(root, machine.Name(), entry.Name()))
				if err == nil {
					return file.Close()
				}
				closed = closed || errors.Is(err, fs.ErrPermission)
			}
		}
	}
	if closed {
		return ErrClosed
	}
	return nil // there is none, of which journalctl says more
}
