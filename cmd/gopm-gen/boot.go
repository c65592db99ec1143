package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/generator"
	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// generatorName is what the program is called below system-generators.
const generatorName = "gopm-generator"

// bootDir is where the ecosystem files are that a boot turns into units.
const bootDir = "etc/gopm"

// bootTypes are how the names of such files end. An environment file is there
// too, and is none.
var bootTypes = []string{".js", ".cjs", ".mjs", ".ts", ".json", ".json5", ".yml", ".yaml"}

// bootLimits are how long a generator may take, since a boot waits for it. Twenty
// files take a tenth of a second; but on a machine that is busy a daemon-reload must
// not lose the units of apps that run.
type bootLimits struct {
	file time.Duration // that each may compute
	all  time.Duration // that all may take together
}

// bootTurn is how long a file holds up the next, which is then started beside it.
const bootTurn = 50 * time.Millisecond

// bootUnits are the folders of units that a generator must not shadow, or that
// shadow what it makes: systemd.unit(5), "Unit File Load Path".
var bootUnits = []string{
	"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system",
}

// boot is a systemd.generator(7): it turns the ecosystem files of /etc/gopm into
// units of this boot. It asks no other process for anything, and writes to the
// first of the three folders alone: to the others go units that are to be
// stronger than those of /etc, or weaker than those of /usr.
func (c command) boot(ctx context.Context, dirs []string) int {
	if len(dirs) != 3 || slices.ContainsFunc(dirs, func(dir string) bool { return !path.IsAbs(dir) }) {
		c.fail(generatorName+" is for systemd, which calls it with three folders", "to convert a file: gopm-gen FILE")
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.all)
	defer cancel()
	b := boot{command: c, normal: path.Clean(dirs[0]), claimed: map[string]string{}, ports: map[string]string{}}
	names, err := b.names()
	if err != nil {
		b.log("read /" + bootDir + ": " + err.Error())
		return exitInput
	}
	written, failed := 0, 0
	for _, s := range b.load(ctx, names) {
		set, links := b.convert(s)
		if err := b.write(set, links); err != nil {
			b.log(err.Error())
			failed++
			continue
		}
		written++
	}
	if failed > 0 && written == 0 {
		return exitInput
	}
	return exitOK
}

// boot is one run of a generator.
type boot struct {
	command
	normal  string
	claimed map[string]string // which file has a unit
	ports   map[string]string // which file has an app that listens there
}

// names lists the ecosystem files, sorted, each where it really is: a link of
// /etc/gopm leads to the app's own folder.
func (b boot) names() ([]string, error) {
	entries, err := fs.ReadDir(b.host.Files, bootDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !slices.Contains(bootTypes, path.Ext(e.Name())) {
			continue
		}
		name, err := b.follow(path.Join(bootDir, e.Name()))
		if err != nil {
			b.log(fmt.Sprintf("/%s/%s: %v", bootDir, e.Name(), err))
			continue
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// follow returns the absolute path of the file that a link leads to. A folder on
// the way may be a link and stays one: with /srv/app/current the units keep to
// whatever that is when they start.
func (b boot) follow(name string) (string, error) {
	// Linux gives up after as many: path_resolution(7).
	for range 40 {
		info, err := fs.Lstat(b.host.Files, name)
		if err != nil {
			return "", units.Cause(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if !info.Mode().IsRegular() {
				return "", errors.New("is not a file")
			}
			return "/" + name, nil
		}
		to, err := fs.ReadLink(b.host.Files, name)
		if err != nil {
			return "", units.Cause(err)
		}
		name = strings.TrimPrefix(absolute("/"+path.Dir(name), to), "/")
	}
	return "", errors.New("is a link to itself")
}

// loaded is an ecosystem file that was evaluated.
type loaded struct {
	file     ecosystem.File
	problems []*ecosystem.Problem
}

// load evaluates the files, one on each CPU, so that each has its time to itself.
func (b boot) load(ctx context.Context, names []string) []loaded {
	host := b.host
	host.Dir, host.Print = "/", nil
	out := make([]loaded, len(names))
	turns := make(chan struct{}, max(host.CPUs, 1))
	var all sync.WaitGroup
	for i, name := range names {
		turns <- struct{}{}
		all.Go(func() {
			over := sync.OnceFunc(func() { <-turns })
			turn := time.AfterFunc(bootTurn, over)
			if ctx.Err() == nil {
				out[i].file, out[i].problems = ecosystem.Load(ctx, host, name, ecosystem.Options{Limit: b.limits.file})
			} else {
				out[i].problems = []*ecosystem.Problem{{File: name, Text: "not read: the others took too long", Hint: "mend those, then systemctl daemon-reload"}}
			}
			turn.Stop()
			over()
		})
	}
	all.Wait()
	return out
}

// link is a symbolic link that systemctl enable would make.
type link struct{ name, to string }

// convert makes the units of a file, with the names that they have in a folder
// of a generator. An app with a mistake is reported and left out; the others
// need not wait for a person at the next boot.
func (b boot) convert(s loaded) (*units.Set, []link) {
	b.report(s.problems)
	result, problems := b.generate(s.file)
	for len(problems) > 0 {
		b.report(problems)
		left := withoutProblems(s.file.Apps, problems)
		if len(left) == len(s.file.Apps) {
			return &units.Set{}, nil // it is about the file as a whole
		}
		s.file.Apps = left
		result, problems = b.generate(s.file)
	}
	set, links := &units.Set{}, []link{}
	for _, f := range result.Units.Files() {
		name, ok := b.flat(f.Path)
		if !ok {
			continue
		}
		f.Path = name
		if err := set.AddFile(f); err != nil {
			b.log(err.Error())
		}
		b.claimed[name] = s.file.Path
	}
	for _, app := range result.Report.Apps {
		for _, port := range app.Ports {
			if app.Cluster {
				b.ports[port] = s.file.Path
			}
		}
		for _, e := range app.Enable {
			links = append(links, link{path.Join(e.WantedBy+".wants", e.Unit), path.Join("..", e.Unit)})
		}
	}
	return set, links
}

// generate makes units for this boot.
func (b boot) generate(file ecosystem.File) (generator.Result, []*ecosystem.Problem) {
	result, problems := generator.Generate(file, generator.Options{
		Root: path.Dir(file.Path), Taken: b.takenAtBoot, Boot: true, EnvDir: b.normal, SourceExists: true,
	})
	// Within a file the generator itself looks after that. In fork mode a port may
	// be one that the app never listens on.
	for _, app := range result.Report.Apps {
		if !app.Cluster {
			continue
		}
		at := slices.IndexFunc(file.Apps, func(a ecosystem.App) bool { return a.Name == app.Name })
		for _, port := range app.Ports {
			if by := b.ports[port]; by != "" {
				problems = append(problems, &ecosystem.Problem{File: file.Name, Place: file.Apps[at].Place,
					Text: fmt.Sprintf("an app of %s listens on %s too", by, port), Hint: "give each app a port of its own"})
			}
		}
	}
	return result, problems
}

// takenAtBoot returns who has a unit already: another file, or the machine,
// where a unit that gopm-gen made for a package counts like any other.
func (b boot) takenAtBoot(unit string) string {
	if by := b.claimed[unit]; by != "" {
		return unit + " of " + by
	}
	for _, dir := range bootUnits {
		if name := path.Join(dir, unit); b.exists("/" + name) {
			return "/" + name
		}
	}
	return ""
}

// withoutProblems returns the apps that no problem is about.
func withoutProblems(apps []ecosystem.App, problems []*ecosystem.Problem) []ecosystem.App {
	return slices.DeleteFunc(slices.Clone(apps), func(app ecosystem.App) bool {
		return slices.ContainsFunc(problems, func(p *ecosystem.Problem) bool { return p.Place == app.Place })
	})
}

// flat returns the name of a file in the folder of the generator; only units and
// environment files have one.
func (b boot) flat(name string) (string, bool) {
	for _, dir := range []string{units.SystemDir, strings.TrimPrefix(b.normal, "/")} {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			return rest, true
		}
	}
	return "", false
}

// write puts the units of one file into the folder.
func (b boot) write(set *units.Set, links []link) error {
	// Another generator may have been there.
	changes, err := units.Compare(os.DirFS("/"), b.normal, set, units.Owner{Mark: generator.Mark})
	if err != nil {
		return err
	}
	if err := changes.Write(); err != nil {
		return err
	}
	for _, l := range links {
		if err := units.Link(b.normal, l.name, l.to); err != nil {
			return err
		}
	}
	return nil
}

// report logs problems.
func (b boot) report(problems []*ecosystem.Problem) {
	for _, p := range problems {
		text := p.Error()
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		b.log(text)
	}
}

// log tells the kernel's log and standard error about a mistake.
func (b boot) log(text string) {
	text = strings.Join(strings.Fields(text), " ")
	// A record has room for 1024 bytes with its prefix: LOG_LINE_MAX in
	// kernel/printk/internal.h. A longer one is refused.
	const room = 900
	short := text
	if len(short) > room {
		short = strings.ToValidUTF8(short[:room], "") + "…"
	}
	// 3 is err: syslog(2).
	b.kernel(fmt.Sprintf("<3>%s[%d]: %s", generatorName, os.Getpid(), short))
	b.print(b.stderr, generatorName+": error: "+text+"\n")
}
