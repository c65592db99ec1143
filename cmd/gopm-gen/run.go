package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// Exit codes.
const (
	exitOK    = 0
	exitInput = 1 // the file, or the disk
	exitUsage = 2 // the command line
)

// command is gopm-gen with the world that it works in.
type command struct {
	stdout, stderr io.Writer
	colour         bool
	host           ecosystem.Host
	version        string
}

// run does what args ask for and returns the exit code.
func (c command) run(ctx context.Context, args []string) int {
	f, err := parseFlags(args, c.host.Dir)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		c.print(c.stdout, usage)
		return exitOK
	case err != nil:
		c.fail(err.Error(), "see gopm-gen --help")
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
	file, problems := ecosystem.Load(ctx, c.host, f.file, ecosystem.Options{Root: f.root, Env: f.env})
	result, more := generator.Generate(file, generator.Options{
		Root:   path.Dir(file.Path),
		Prefix: f.prefix,
		Listen: f.listen,
		Taken:  c.taken,
	})
	// Without apps, what the generator misses is only a consequence.
	if len(problems) == 0 || len(file.Apps) > 0 {
		problems = inOrder(problems, more)
	}
	if len(problems) > 0 {
		c.problems(problems, f.json)
		return exitInput
	}
	report := outcome{Report: result.Report, Output: f.output, Units: result.Units.Files()}
	if f.dryRun {
		for _, file := range report.Units {
			c.print(c.stdout, "# /"+file.Path+"\n"+file.Text+"\n")
		}
		report.Output = ""
		c.report(c.stderr, report, f.json)
		return exitOK
	}
	if err := units.Write(absolute(c.host.Dir, f.output), &result.Units); err != nil {
		c.fail(err.Error(), "nothing was changed")
		return exitInput
	}
	c.report(c.stdout, report, f.json)
	return exitOK
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

// outcome is a report and where its units went.
type outcome struct {
	generator.Report
	Output string       `json:"output,omitempty"`
	Next   []string     `json:"next,omitempty"`
	Units  []units.File `json:"-"`
}

// report prints what became of the file.
func (c command) report(w io.Writer, o outcome, asJSON bool) {
	o.Next = o.next()
	if asJSON {
		c.json(w, o)
		return
	}
	c.print(w, o.text())
}

// taken returns where the machine has a unit that gopm-gen did not make.
func (c command) taken(unit string) string {
	for _, dir := range []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"} {
		f, err := c.host.Files.Open(path.Join(dir, unit))
		if err != nil {
			continue
		}
		head := make([]byte, len(generator.Mark))
		_, err = io.ReadFull(f, head)
		_ = f.Close() // it was only read
		if err == nil && string(head) == generator.Mark {
			continue
		}
		return "/" + path.Join(dir, unit)
	}
	return ""
}

// problems prints what is wrong with the file.
func (c command) problems(problems []*ecosystem.Problem, asJSON bool) {
	if asJSON {
		c.json(c.stderr, map[string]any{"errors": problems})
		return
	}
	for _, p := range problems {
		c.fail(p.Error(), p.Hint)
	}
}

// fail prints an error and what to do about it.
func (c command) fail(text, hint string) {
	const red, bold, plain = "\x1b[31m", "\x1b[1m", "\x1b[m"
	errorWord, hintWord := "error:", "hint:"
	if c.colour {
		errorWord, hintWord = red+errorWord+plain, bold+hintWord+plain
	}
	c.print(c.stderr, fmt.Sprintf("gopm-gen: %s %s\n", errorWord, text))
	if hint != "" {
		c.print(c.stderr, fmt.Sprintf("%s %s\n", hintWord, hint))
	}
}

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

// attributes prints the table of attributes.
func (c command) attributes(asJSON bool) int {
	rows := allRows()
	if asJSON {
		c.json(c.stdout, rows)
		return exitOK
	}
	for _, row := range rows {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s\n", strings.Join(row.Spellings(), ", "), row.Fate)
		if len(row.Becomes) > 0 {
			fmt.Fprintf(&b, "    becomes %s\n", strings.Join(row.Becomes, ", "))
		}
		fmt.Fprintf(&b, "    %s\n", row.Note)
		c.print(c.stdout, b.String())
	}
	return exitOK
}

// allRows returns the table with the rows of gopm's own keys in it.
func allRows() []ecosystem.Attribute {
	rows := ecosystem.Attributes()
	for _, row := range ecosystem.OwnAttributes() {
		row.Name = "gopm." + row.Name
		rows = append(rows, row)
	}
	return rows
}

// has reports whether any file of the set is in a folder.
func (o outcome) has(dir string) bool {
	return slices.ContainsFunc(o.Units, func(f units.File) bool { return strings.HasPrefix(f.Path, dir+"/") })
}
