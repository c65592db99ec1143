// Command gopm-gen turns a PM2 ecosystem file into systemd units.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/generator/ecosystem"
)

// version is set by the linker.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	code := command{
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		colour:  terminal(os.Stdout) && terminal(os.Stderr) && os.Getenv("NO_COLOR") == "",
		host:    machine(),
		version: version,
	}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// machine is the machine that this runs on, as an ecosystem file may see it.
// What cannot be found out stays empty: few files ask.
func machine() ecosystem.Host {
	host := ecosystem.Host{Files: os.DirFS("/"), Environ: map[string]string{}, CPUs: runtime.NumCPU()}
	host.Dir, _ = os.Getwd()
	host.Hostname, _ = os.Hostname()
	host.Home, _ = os.UserHomeDir()
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		host.Environ[name] = value
	}
	host.Print = func(line string) { _, _ = os.Stderr.WriteString(line + "\n") }
	return host
}

// terminal reports whether a file is a terminal.
func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
