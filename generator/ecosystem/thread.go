package ecosystem

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// thread is one of the operating system's that runs a goroutine and nothing else.
type thread struct{ id int }

// ownThread gives the goroutine that calls it a thread to itself, until leave is
// called.
func ownThread() (t thread, leave func()) {
	runtime.LockOSThread()
	return thread{unix.Gettid()}, runtime.UnlockOSThread
}

// computed is for how long the thread has computed; 0 where it has ended. A busy
// machine makes all things late, but this does not grow by it.
func (t thread) computed() time.Duration {
	// The clock of another thread of this process has no name but a number:
	// MAKE_THREAD_CPUCLOCK of the kernel's include/linux/posix-timers.h, which is
	// what pthread_getcpuclockid(3) returns.
	const perThread, scheduled = 4, 2
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^t.id<<3|perThread|scheduled), &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}
