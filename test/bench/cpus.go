package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// halves are the CPUs of the machine with its peers, and those of the load. Not
// split, both have all: then a peer that needs less CPU leaves more to the load,
// as on a machine whose callers are its own nginx.
func halves(split bool) (theirs, ours unix.CPUSet) {
	n := runtime.NumCPU()
	for i := range n {
		if !split || n == 1 || i < n/2 {
			theirs.Set(i)
		}
		if !split || n == 1 || i >= n/2 {
			ours.Set(i)
		}
	}
	return theirs, ours
}

// pin has this process and all that it starts from now on run on these CPUs. A
// thread inherits the CPUs of the one that makes it.
func pin(cpus unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("choose CPUs: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("choose CPUs: %w", err)
		}
		if err := unix.SchedSetaffinity(id, &cpus); err != nil && err != unix.ESRCH {
			return fmt.Errorf("choose CPUs: %w", err)
		}
	}
	return nil
}
