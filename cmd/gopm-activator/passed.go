package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstPassed is the first descriptor that systemd passes (SD_LISTEN_FDS_START in
// sd_listen_fds(3)).
const firstPassed = 3

// passed are the descriptors that systemd passes, under their names. go-systemd does the same
// in a package that links crypto/tls, which is a tenth of what an activator takes in memory.
func passed() []*os.File {
	var files []*os.File
	for i, name := range passedNames(os.Getenv, os.Getpid()) {
		fd := firstPassed + i
		syscall.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), name))
	}
	return files
}

// passedNames are the names of the descriptors that are passed to a process, in their order;
// one without a name has the empty one.
func passedNames(getenv func(string) string, pid int) []string {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return nil // a parent's, which handed on its environment
	}
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || count <= 0 {
		return nil
	}
	names := make([]string, count)
	copy(names, strings.Split(getenv("LISTEN_FDNAMES"), ":"))
	return names
}
