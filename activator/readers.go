package activator

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

// readers are the groups whose members may look at a status: those that may read
// the whole journal (journalctl(1)). A status says no more of an app than its log
// does.
var readers = []string{"systemd-journal", "adm", "wheel"}

// mayLook tells why a client may not look at the status.
func (a *Activator) mayLook(peer *unix.Ucred, conn *net.UnixConn) error {
	if int(peer.Uid) == os.Getuid() {
		return nil
	}
	groups, err := groupsOf(conn)
	if err != nil {
		return err
	}
	for _, name := range readers {
		group, err := user.LookupGroup(name)
		if err != nil {
			continue // not every machine has all of them
		}
		if gid, err := strconv.Atoi(group.Gid); err == nil && slices.Contains(append(groups, peer.Gid), uint32(gid)) {
			return nil
		}
	}
	return fmt.Errorf("%w: the status is for uid %d and members of %s, not for uid %d", control.ErrDenied, os.Getuid(), strings.Join(readers, ", "), peer.Uid)
}

// mostGroupsOfPeer is what a process can have (NGROUPS_MAX, linux/limits.h).
const mostGroupsOfPeer = 65536

// groupsOf are the supplementary groups that the peer had when it connected
// (SO_PEERGROUPS, unix(7)). golang.org/x/sys/unix has no call for it.
func groupsOf(conn *net.UnixConn) ([]uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	groups := make([]uint32, 64)
	var errno unix.Errno
	err = raw.Control(func(fd uintptr) {
		for {
			size := uint32(len(groups) * 4)
			_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
				uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
			if errno == unix.ERANGE && len(groups) < mostGroupsOfPeer {
				groups = make([]uint32, mostGroupsOfPeer)
				continue
			}
			groups = groups[:size/4]
			return
		}
	})
	if errno != 0 {
		err = errors.Join(err, errno)
	}
	if err != nil {
		return nil, fmt.Errorf("read groups of client: %w", err)
	}
	return groups, nil
}
