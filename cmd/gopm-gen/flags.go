package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/nfpm"
	"github.com/gopm/gopm/units"
)

// stdin is the name of the file that is the standard input.
const stdin = "-"

// newestSystemd is a bound for typing errors.
const newestSystemd = 300

// flags is a parsed command line.
type flags struct {
	file        string // empty: to be looked for
	root        string // absolute, or empty for the file's own folder
	output      string // empty: see flags.outputDir
	destDir     string // DESTDIR of the environment
	env         string
	only        []string
	prefix      string
	listen      map[string][]string
	serviceUser string
	systemd     int
	user        bool
	node        bool
	nfpm        string // the configuration to extend; empty: none is asked for

	dryRun, diff, check, printApps, printUnits bool

	json       bool
	version    bool
	attributes bool
}

// usageError is a mistake on the command line.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// misused makes a usageError with the hint that fits all.
func misused(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...).Error(), "see gopm-gen --help"}
}

// parseFlags reads the command line of a process in the folder dir.
func parseFlags(args []string, dir string, environ map[string]string) (flags, error) {
	f := flags{destDir: environ["DESTDIR"]}
	var listen, only []string
	set := pflag.NewFlagSet("gopm-gen", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	set.StringVar(&f.root, "app-root", "", "")
	set.StringVar(&f.output, "output", "", "")
	set.StringVar(&f.env, "env", "", "")
	set.StringArrayVar(&only, "only", nil, "")
	set.StringVar(&f.prefix, "prefix", "", "")
	set.StringArrayVar(&listen, "listen", nil, "")
	set.StringVar(&f.serviceUser, "service-user", "", "")
	set.IntVar(&f.systemd, "systemd-version", generator.OldestSystemd, "")
	set.BoolVar(&f.user, "user", false, "")
	set.BoolVar(&f.node, "node", false, "")
	set.StringVar(&f.nfpm, "nfpm", "", "")
	set.Lookup("nfpm").NoOptDefVal = nfpm.Config
	set.BoolVar(&f.dryRun, "dry-run", false, "")
	set.BoolVar(&f.diff, "diff", false, "")
	set.BoolVar(&f.check, "check", false, "")
	set.BoolVar(&f.printApps, "print-apps", false, "")
	set.BoolVar(&f.printUnits, "print-units", false, "")
	set.BoolVar(&f.json, "json", false, "")
	set.BoolVar(&f.version, "version", false, "")
	switch err := set.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return flags{}, err
	case err != nil:
		return flags{}, misused("%w", err)
	case set.NArg() > 1:
		return flags{}, misused("one file at a time, not %d: %s", set.NArg(), strings.Join(set.Args(), " "))
	case set.NArg() == 1 && set.Arg(0) == "":
		return flags{}, misused("the name of the file is empty")
	}
	f.file = set.Arg(0)
	if f.file == "attributes" {
		f.attributes = true
		set.Visit(func(flag *pflag.Flag) { f.attributes = f.attributes && flag.Name == "json" })
		if !f.attributes {
			return flags{}, misused("attributes takes --json and nothing else")
		}
		return f, nil
	}
	for _, name := range []string{"app-root", "output", "env", "service-user", "nfpm"} {
		if set.Changed(name) && set.Lookup(name).Value.String() == "" {
			return flags{}, misused("--%s is empty", name)
		}
	}
	if f.root != "" {
		f.root = absolute(dir, f.root)
	}
	if err := f.readLists(listen, only); err != nil {
		return flags{}, err
	}
	return f, f.fit()
}

// readLists takes the repeatable flags apart.
func (f *flags) readLists(listen, only []string) error {
	f.listen = map[string][]string{}
	for _, l := range listen {
		app, address, ok := strings.Cut(l, "=")
		if !ok || app == "" || address == "" {
			return misused("--listen %s: not APP=ADDRESS", l)
		}
		f.listen[app] = append(f.listen[app], address)
	}
	for _, names := range only {
		for name := range strings.SplitSeq(names, ",") {
			if name = strings.TrimSpace(name); name == "" {
				return misused("--only %q: the name of an app is empty", names)
			}
			f.only = append(f.only, name)
		}
	}
	return nil
}

// fit refuses flags that do not go together.
func (f *flags) fit() error {
	var modes []string
	for _, mode := range []struct {
		name string
		set  bool
	}{{"--dry-run", f.dryRun}, {"--diff", f.diff}, {"--check", f.check}, {"--print-apps", f.printApps}, {"--print-units", f.printUnits}} {
		if mode.set {
			modes = append(modes, mode.name)
		}
	}
	switch {
	case len(modes) > 1:
		return misused("%s: choose one", strings.Join(modes, " and "))
	case f.output != "" && (f.check || f.printApps || f.printUnits):
		return misused("%s writes nothing, so there is no --output", modes[0])
	case f.nfpm != "" && len(modes) > 0:
		return misused("%s writes nothing, so there is no --nfpm", modes[0])
	case f.nfpm != "" && f.user:
		return misused("--user units are nobody's package, so there is no --nfpm")
	case f.user && f.serviceUser != "":
		return misused("--user units run as whoever starts them, so there is no --service-user")
	case f.systemd < generator.OldestSystemd:
		return &usageError{fmt.Sprintf("--systemd-version %d: the oldest is %d", f.systemd, generator.OldestSystemd),
			fmt.Sprintf("older ones, such as those of Debian 11 and RHEL 8, lack what the units need; upgrade, or write %d", generator.OldestSystemd)}
	case f.systemd > newestSystemd:
		return misused("--systemd-version %d: not a version from %d to %d", f.systemd, generator.OldestSystemd, newestSystemd)
	}
	if f.serviceUser != "" {
		if _, err := units.Account(f.serviceUser); err != nil {
			var refused *units.RefusedError
			if errors.As(err, &refused) {
				return &usageError{fmt.Sprintf("--service-user %q: %s", f.serviceUser, refused.Why), refused.Hint}
			}
			return misused("--service-user %q: %w", f.serviceUser, err)
		}
	}
	return nil
}

// outputDir returns the folder of the units: as the report shows it.
func (f flags) outputDir() string {
	switch {
	case f.output != "":
		return f.output
	case f.diff:
		return "/"
	case f.destDir != "":
		return f.destDir
	}
	return path.Join(path.Dir(f.file), "gopm-units")
}

// packaged reports whether the units go into a package that is being built.
func (f flags) packaged() bool { return f.output == "" && f.destDir != "" }

// readOnly reports whether nothing is written.
func (f flags) readOnly() bool { return f.dryRun || f.diff || f.check || f.printApps || f.printUnits }
