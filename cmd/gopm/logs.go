package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/cmd/gopm/logs"
	"github.com/gopm/gopm/terminal"
)

// logLines is how many lines are shown of what was said before, as with PM2.
const logLines = 15

// logTick is how often log files are looked at: less often than people notice.
const logTick = 250 * time.Millisecond

// logOptions are the flags of gopm logs.
type logOptions struct {
	user, noStream, err, out, raw, json, times bool

	lines           int
	grep, highlight string
}

func logsVerb() verb {
	return verb{
		names: []string{"logs", "log"},
		args:  "[APP [INSTANCE]…]",
		about: "what the apps say, until Ctrl-C",
		examples: "  gopm logs my-api 2                    one worker's\n" +
			"  gopm logs --err --lines 200           what went wrong, of all apps\n" +
			"  gopm logs my-api --nostream --json    for programs\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			var o logOptions
			user := userFlag(flags)
			flags.IntVar(&o.lines, "lines", logLines, "how many of the last lines to begin with: of the journal, of each gopm run, and of each log file")
			flags.BoolVar(&o.noStream, "nostream", false, "print what there is, and end")
			flags.BoolVar(&o.err, "err", false, "standard error alone")
			flags.BoolVar(&o.out, "out", false, "standard output alone")
			flags.BoolVar(&o.raw, "raw", false, "nothing but what was said")
			flags.BoolVar(&o.json, "json", false, "a JSON object for each line")
			flags.BoolVar(&o.times, "timestamp", false, "begin each line with its time")
			flags.StringVar(&o.grep, "grep", "", "only lines that match a regular expression (`RE2`)")
			flags.StringVar(&o.highlight, "highlight", "", "have what matches a regular expression (`RE2`) stand out")
			return func(ctx context.Context, w world, args []string) error {
				o.user = *user
				return showLogs(ctx, w, args, o)
			}
		},
	}
}

// showLogs prints what the flags ask for. That somebody ends it is no failure.
func showLogs(ctx context.Context, w world, words []string, o logOptions) error {
	keep, highlight, err := o.filters()
	if err != nil {
		return err
	}
	s := newSite(ctx, w, o.user)
	chosen, err := s.chooseLogs(ctx, words)
	if err != nil {
		return err
	}
	reader, err := s.logReader(ctx, chosen)
	if err != nil {
		return err
	}
	t := terminal.Of(w.stdout, w.getenv)
	printer := logs.Printer{
		Out: w.stdout, Raw: o.raw, JSON: o.json, Times: o.times,
		Terminal: t.Is, Colour: t.Colour, Highlight: highlight, Width: widestApp(chosen),
	}
	q := logs.Query{
		Choices: chosen, Lines: o.lines, Follow: !o.noStream, Keep: keep,
		Miss: func(err error) { warn(w.stderr, err) },
	}
	if err := readable(reader, chosen); err != nil {
		q.NoJournal = true
		if !reader.HasMore(chosen) {
			return closedJournal{err}
		}
		warn(w.stderr, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	err = reader.Read(ctx, q, func(line logs.Line) {
		if failed == nil {
			failed = printer.Print(line)
		}
		if failed != nil {
			stop()
		}
	})
	return errors.Join(failed, err)
}

// closedJournal is a refusal that has its own advice.
type closedJournal struct{ error }

// Is makes it one for the exit code.
func (closedJournal) Is(target error) bool { return target == errDenied }

func warn(to io.Writer, err error) { fmt.Fprintf(to, "gopm: warning: %v\n", err) }

// filters are which lines are wanted and what stands out in them.
func (o logOptions) filters() (keep func(logs.Line) bool, highlight *regexp.Regexp, err error) {
	switch {
	case o.err && o.out:
		return nil, nil, fmt.Errorf("%w: --err and --out together are what there is without them", errUsage)
	case o.raw && o.json:
		return nil, nil, fmt.Errorf("%w: --raw or --json, not both", errUsage)
	case o.lines < 0:
		return nil, nil, fmt.Errorf("%w: --lines=%d is not a number of lines", errUsage, o.lines)
	}
	grep, err := expression("grep", o.grep)
	if err != nil {
		return nil, nil, err
	}
	if highlight, err = expression("highlight", o.highlight); err != nil {
		return nil, nil, err
	}
	if highlight == nil {
		highlight = grep
	}
	return func(line logs.Line) bool {
		switch {
		case o.err && line.Stream != logs.Err, o.out && line.Stream != logs.Out:
			return false
		}
		return grep == nil || grep.MatchString(line.Text)
	}, highlight, nil
}

func expression(flag, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%w: --%s: %w", errUsage, flag, err)
	}
	return re, nil
}

// chooseLogs finds what words name; no words name everything.
func (s site) chooseLogs(ctx context.Context, words []string) ([]logs.Choice, error) {
	f, err := s.reader.Read(ctx)
	if err != nil {
		return nil, err
	}
	words = joinNumbers(f, words)
	if len(words) == 0 {
		words = []string{"all"}
	}
	found, err := choices(f, words)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("there is no app here: gopm-gen makes units of an ecosystem file, gopm run runs one")
	}
	var out []logs.Choice
	for _, c := range found {
		out = append(out, logChoice(c.app, c.instance))
	}
	return out, nil
}

// joinNumbers makes of `my-api 2` what the other verbs know as my-api@2. An app
// may be called 2, too.
func joinNumbers(f fleet.Fleet, words []string) []string {
	var out []string
	for i, word := range words {
		_, err := strconv.Atoi(word)
		known := len(f.Find(word)) > 0
		if i > 0 && err == nil && !known && !strings.Contains(out[len(out)-1], "@") {
			out[len(out)-1] += "@" + word
			continue
		}
		out = append(out, word)
	}
	return out
}

func logChoice(app fleet.App, instance int) logs.Choice {
	c := logs.Choice{App: app.Name, Run: app.Run, Instance: instance, Known: app.Instances}
	for _, w := range app.Workers {
		c.Known = max(c.Known, w.Instance+1)
	}
	return c
}

// logReader reads the logs of choices.
func (s site) logReader(ctx context.Context, chosen []logs.Choice) (logs.Reader, error) {
	r := logs.Reader{
		Journal:    logs.Journal{User: s.manager.User, UID: os.Getuid()},
		Journalctl: logs.Command,
		Host:       os.DirFS("/"),
		Tick:       logTick,
	}
	if !needSystemd(chosen) {
		return r, nil // in a container there is none
	}
	var err error
	r.Folders, err = s.systemd.Folders(ctx)
	return r, err
}

// needSystemd tells whether systemd has any of the choices.
func needSystemd(chosen []logs.Choice) bool {
	return slices.ContainsFunc(chosen, func(c logs.Choice) bool { return c.Run == "" })
}

// readable tells why the journal cannot be read; nil where it can, or need not.
func readable(r logs.Reader, chosen []logs.Choice) error {
	if !needSystemd(chosen) {
		return nil
	}
	return r.Journal.Readable(r.Host)
}

func widestApp(chosen []logs.Choice) int {
	widest := 0
	for _, c := range chosen {
		widest = max(widest, len(c.App))
	}
	return widest
}
