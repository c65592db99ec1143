package systemd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Monotonic is the time of the monotonic clock in microseconds, as systemd has it in
// its properties.
func Monotonic() (uint64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("read monotonic clock: %w", err)
	}
	return uint64(now.Nano()) / 1000, nil
}
