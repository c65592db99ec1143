package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/generator/machine"
	"github.com/gopm/gopm/units"
)

// Exit codes.
const (
	exitOK    = 0
	exitInput = 1 // the file, or the disk; a loss; a difference
	exitUsage = 2 // the command line
)

// command is gopm-gen with the world that it works in.
type command struct {
	stdout, stderr       io.Writer
	colourOut, colourErr bool
	host                 ecosystem.Host
	kernel               func(line string) // the kernel's log; for a generator alone
	limits               bootLimits        // for a generator alone
	version              string
}

// run does what args ask for and returns the exit code.
func (c command) run(ctx context.Context, args []string) int {
	f, err := parseFlags(args, c.host.Dir, c.host.Environ)
	var misuse *usageError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		c.print(c.stdout, usage)
		return exitOK
	case errors.As(err, &misuse):
		c.fail(misuse.text, misuse.hint)
		return exitUsage
	case f.version:
		c.print(c.stdout, "gopm-gen "+c.version+"\n")
		return exitOK
	case f.attributes:
		return c.attributes(f.json)
	}
	return c.convert(ctx, f)
}

// convert turns a file into units.
func (c command) convert(ctx context.Context, f flags) int {
	if f.file == "" {
		name, problem := machine.Find(c.host)
		if problem != nil {
			return c.problems([]*ecosystem.Problem{problem}, f.json)
		}
		f.file = name
	}
	file, problems := ecosystem.Load(ctx, c.host, f.file, ecosystem.Options{Root: f.root, Env: f.env, Only: f.only, Node: f.node})
	switch {
	case f.printApps:
		return c.printApps(file, problems, f.json)
	case f.printUnits:
		return c.printUnits(f, file, problems)
	}
	result, more := c.generate(ctx, f, file)
	// Without apps, what the generator misses is only a consequence.
	if len(problems) == 0 || len(file.Apps) > 0 {
		problems = inOrder(problems, more)
	}
	if len(problems) > 0 {
		return c.problems(problems, f.json)
	}
	report := outcome{Report: result.Report, Units: result.Units.Files(), flags: f, installed: c.installed(result.Report, f.user)}
	if f.check {
		return c.check(report, f.json)
	}
	changes, err := units.Compare(c.host.Files, absolute(c.host.Dir, f.outputDir()), &result.Units, c.owner(f, result.Report))
	if err != nil {
		return c.refused(f, err)
	}
	report.add(changes)
	switch {
	case f.diff:
		return c.diff(report, changes, f.json)
	case f.dryRun:
		c.dryRun(report, f.json)
		return exitOK
	}
	pack, problem := c.nfpm(f, report)
	if problem != nil {
		return c.problems([]*ecosystem.Problem{problem}, f.json)
	}
	if err := changes.Write(); err != nil {
		return c.refused(f, err)
	}
	if err := units.Write(absolute(c.host.Dir, f.outputDir()), pack); err != nil {
		return c.refused(f, err)
	}
	report.Output = f.outputDir()
	c.report(c.stdout, report, f.json)
	return exitOK
}

// options are the flags as the generator takes them.
func (c command) options(f flags, file ecosystem.File) generator.Options {
	return generator.Options{
		Root:         path.Dir(file.Path),
		Prefix:       f.prefix,
		Listen:       f.listen,
		Taken:        func(unit string) string { return c.taken(unit, f, file.Path) },
		ServiceUser:  f.serviceUser,
		Systemd:      f.systemd,
		User:         f.user,
		SourceExists: f.file != stdin && c.exists(file.Path),
	}
}

// inOrder puts problems in the order of the apps. What the generator finds where
// the loader already found something is only a consequence.
func inOrder(loaded, generated []*ecosystem.Problem) []*ecosystem.Problem {
	all := slices.Clone(loaded)
	for _, p := range generated {
		if !slices.ContainsFunc(loaded, func(l *ecosystem.Problem) bool { return p.Place == l.Place && p.Key == l.Key }) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b *ecosystem.Problem) int { return cmp.Compare(a.App, b.App) })
	return all
}

// exists reports whether a file is on this machine.
func (c command) exists(name string) bool {
	_, err := fs.Stat(c.host.Files, machine.OnDisk(c.host, name))
	return err == nil
}

// problems prints what is wrong with the file.
func (c command) problems(problems []*ecosystem.Problem, asJSON bool) int {
	if asJSON {
		c.json(c.stderr, map[string]any{"errors": problems})
		return exitInput
	}
	for _, p := range problems {
		c.fail(p.Error(), p.Hint)
	}
	return exitInput
}

// refused prints why the files cannot be written, or compared.
func (c command) refused(f flags, err error) int {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	var problems []*ecosystem.Problem
	for _, err := range all {
		p := &ecosystem.Problem{File: f.file, Text: err.Error(), Hint: "nothing was changed"}
		var foreign *units.ForeignError
		if errors.As(err, &foreign) {
			p.Hint = "move it away, or give all units a prefix: --prefix app-; nothing was changed"
		}
		if errors.Is(err, fs.ErrPermission) && f.readOnly() {
			p.Hint = "use sudo: only root may read it"
		}
		problems = append(problems, p)
	}
	if f.json {
		return c.problems(problems, true)
	}
	for _, p := range problems {
		// The disk is at fault, not the file.
		c.fail(p.Text, p.Hint)
	}
	return exitInput
}

// fail prints an error and what to do about it.
func (c command) fail(text, hint string) {
	errorWord, hintWord := "error:", "hint:"
	if c.colourErr {
		errorWord, hintWord = red+errorWord+plain, bold+hintWord+plain
	}
	c.print(c.stderr, fmt.Sprintf("gopm-gen: %s %s\n", errorWord, text))
	if hint != "" {
		c.print(c.stderr, fmt.Sprintf("%s %s\n", hintWord, hint))
	}
}

// What a terminal takes for colours: ECMA-48, "Select graphic rendition".
const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	bold  = "\x1b[1m"
	plain = "\x1b[m"
)

func (c command) json(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		c.fail("write the report: "+err.Error(), "")
	}
}

// print writes to a stream of the process. There is nobody left to tell when
// that fails.
func (c command) print(w io.Writer, s string) { _, _ = io.WriteString(w, s) }

// absolute makes a path absolute.
func absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}
