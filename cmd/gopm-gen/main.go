// Command gopm-gen turns a PM2 ecosystem file into systemd units. Called as
// gopm-generator it is a systemd.generator(7).
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/generator/machine"
	"github.com/gopm/gopm/terminal"
)

// version is set by the linker.
var version = "devel"

func main() {
	collectLater()
	os.Exit(process().main(os.Args))
}

// collectLater puts off the first collection of garbage, which a conversion is
// over before it needs. What needs more memory is collected as ever.
func collectLater() {
	before := debug.SetGCPercent(8 * 100) // from 32 MB on, and not from 4
	runtime.AddCleanup(new(*byte), func(percent int) { debug.SetGCPercent(percent) }, before)
}

// process is gopm-gen in this process.
func process() command {
	return command{
		stdout:    os.Stdout,
		stderr:    os.Stderr,
		colourOut: terminal.Of(os.Stdout, os.Getenv).Colour,
		colourErr: terminal.Of(os.Stderr, os.Getenv).Colour,
		host:      machine.Host(),
		kernel:    kernel,
		limits:    bootLimits{file: 500 * time.Millisecond, all: 10 * time.Second},
		version:   version,
	}
}

// main does what a process with these arguments is called for. It returns the
// exit code.
func (c command) main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if isGenerator(args) {
		return c.boot(ctx, args[1:])
	}
	return c.run(ctx, args[1:])
}

// isGenerator reports whether systemd calls: by the name of a generator, or
// with the three folders that it gives to one.
func isGenerator(args []string) bool {
	if filepath.Base(args[0]) == generatorName {
		return true
	}
	for _, arg := range args[1:] {
		if info, err := os.Stat(arg); !filepath.IsAbs(arg) || err != nil || !info.IsDir() {
			return false
		}
	}
	return len(args) == 4
}

// kernel writes a line to the kernel's log, which is all that a generator has:
// it runs before the journal. A container may have none, and then there is
// nobody to tell.
func kernel(line string) {
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n") // one write is one record
	_ = f.Close()
}
