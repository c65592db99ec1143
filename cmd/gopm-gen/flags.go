package main

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/pflag"
)

const usage = `gopm-gen turns a PM2 ecosystem file into systemd units. It needs no Node.

usage: gopm-gen [flags] [FILE]       FILE is ecosystem.config.js where none is given
       gopm-gen attributes [--json]  every PM2 attribute and what becomes of it

      --app-root DIR       where the app will live on the machine that runs it: relative
                           paths in FILE start there (default: the folder of FILE)
      --output DIR         staging root for the units (default: gopm-units beside FILE)
      --dry-run            print the units, write nothing
      --env NAME           take the variables of env_NAME too
      --listen APP=ADDR    port or address:port that APP listens on; repeatable
      --prefix TEXT        put TEXT before the name of every unit
      --json               print the report as JSON
      --version            print the version
      --help               print this

The units go to DIR/usr/lib/systemd/system, accounts and folders to
DIR/usr/lib/sysusers.d and DIR/usr/lib/tmpfiles.d. The exit code is 0, 1 for a
mistake in FILE (nothing is written then), 2 for one on the command line.

examples:
  gopm-gen --dry-run                                     look at the units first
  gopm-gen --app-root /srv/my-api ecosystem.config.js    build here, run there
  gopm-gen --env production --listen api=127.0.0.1:3000  choose variables and a port
  gopm-gen --output debian/my-api ecosystem.config.js    straight into a package
`

// flags is a parsed command line.
type flags struct {
	file       string
	root       string // absolute, or empty for the file's own folder
	output     string
	env        string
	prefix     string
	listen     map[string][]string
	dryRun     bool
	json       bool
	version    bool
	attributes bool
}

// parseFlags reads the command line of a process in the folder dir.
func parseFlags(args []string, dir string) (flags, error) {
	var f flags
	var listen []string
	set := pflag.NewFlagSet("gopm-gen", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	set.StringVar(&f.root, "app-root", "", "")
	set.StringVar(&f.output, "output", "", "")
	set.StringVar(&f.env, "env", "", "")
	set.StringVar(&f.prefix, "prefix", "", "")
	set.StringArrayVar(&listen, "listen", nil, "")
	set.BoolVar(&f.dryRun, "dry-run", false, "")
	set.BoolVar(&f.json, "json", false, "")
	set.BoolVar(&f.version, "version", false, "")
	if err := set.Parse(args); err != nil {
		return flags{}, err
	}
	if set.NArg() > 1 {
		return flags{}, fmt.Errorf("one file at a time, not %d: %s", set.NArg(), strings.Join(set.Args(), " "))
	}
	f.file = "ecosystem.config.js"
	switch {
	case set.Arg(0) == "attributes":
		f.attributes = true
	case set.NArg() == 1:
		f.file = set.Arg(0)
	}
	if f.file == "" {
		return flags{}, fmt.Errorf("the name of the file is empty")
	}
	if f.root != "" {
		f.root = absolute(dir, f.root)
	}
	if f.output == "" {
		f.output = path.Join(path.Dir(f.file), "gopm-units")
	}
	f.listen = map[string][]string{}
	for _, l := range listen {
		app, address, ok := strings.Cut(l, "=")
		if !ok || app == "" || address == "" {
			return flags{}, fmt.Errorf("--listen %s: not APP=ADDRESS", l)
		}
		f.listen[app] = append(f.listen[app], address)
	}
	return f, nil
}
