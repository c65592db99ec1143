package ecosystem

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestFacts: of what a file takes from the machine, the notes name what it
// decides, and nothing else.
func TestFacts(t *testing.T) {
	const now = ", as it is on this machine now"
	for _, tc := range []struct{ text, want string }{
		{"env: { V: os.hostname() }", `os.hostname(): decides apps[0] "a" env.V` + now},
		{"env: { V: os.homedir() + os.userInfo().username }", `os.homedir(): decides apps[0] "a" env.V` + now + "\n" + `os.userInfo(): decides apps[0] "a" env.V` + now},
		{"env: { V: process.env.STAGE }", `process.env.STAGE: decides apps[0] "a" env.V` + now},
		{"env: { V: process.env.NOPE || 'x' }", `process.env.NOPE: is not set here: it would decide apps[0] "a" env.V`},
		{"env: { V: process.env.NOPE === 'live' ? 1 : 2 }", `process.env.NOPE: is not set here: it would decide apps[0] "a" env.V`},
		{"env: { V: process.env.NODE_ENV == \"test\" ? 1 : 2 }", `process.env.NODE_ENV: is not set here: it would decide apps[0] "a" env.V`},
		{"env: { V: 'STAGE' in process.env }", `process.env.STAGE: decides apps[0] "a" env.V` + now},
		{"env: { V: (() => { const { STAGE } = process.env; return STAGE ? 1 : 1 })() }", ""},
		{"env: { V: (() => { if (!process.env.STAGE) throw new Error('no stage'); return 1 })() }", ""},
		{"env: { V: (() => { process.env.NEW = 1; return process.env.NEW })() }", ""},
		{"env: { V: (() => { delete process.env.STAGE; return String(process.env.STAGE) })() }", ""},
		{"env: { ...process.env }", "process.env: " + copiesVariables},
		{"env: { V: Object.keys({ MINE: 1, ...process.env }).join() }", "process.env: " + copiesVariables},
		{"env: { V: Date.now() }", `new Date(): decides apps[0] "a" env.V` + now},
		{"env: { V: new Date().getFullYear() }", `new Date(): decides apps[0] "a" env.V` + now},
		{"env: { V: Math.random() < 2 }", ""},
		{"env: { V: Math.random() }", `Math.random(): decides apps[0] "a" env.V` + now},
		{"env: { V: require('crypto').randomUUID() }", `Math.random(): decides apps[0] "a" env.V` + now},
		{"env: { V: process.pid }", `process.pid: decides apps[0] "a" env.V` + now},
		{"env: { V: process.argv.includes('--env') }", `process.argv: decides apps[0] "a" env.V; it has no arguments here, and PM2's own under PM2`},
		{"env: { V: require('fs').existsSync('/usr/bin/x') }", `fs.existsSync("/usr/bin/x"): decides apps[0] "a" env.V; it is outside the project and counts as missing`},
		{"env: { V: Object.values(os.networkInterfaces()).flat().map(a => a.address).join() }", `os.networkInterfaces(): decides apps[0] "a" env.V` + now},
		{"max_memory_restart: Math.floor(os.totalmem() / 2)", `os.totalmem(): decides apps[0] "a" max_memory_restart` + now},
		{"env: { V: os.cpus().length }", `os.cpus(): decides apps[0] "a" env.V` + now},
		{"env: { A: os.hostname(), B: os.hostname(), C: os.hostname(), D: os.hostname(), E: os.hostname() }", `os.hostname(): decides apps[0] "a" env.A, apps[0] "a" env.B, apps[0] "a" env.C and 2 more` + now},
		{"args: os.hostname() ? ['x'] : []", ""},
		{"args: process.env.STAGE ? ['x'] : []", `process.env.STAGE: decides apps[0] "a" args` + now},
		{"name: os.hostname() + '-a'", `os.hostname(): decides apps[0] "build-a" name` + now},
	} {
		text := "const os = require('os'); module.exports = { apps: [{ name: 'a', script: 'a.js', " + tc.text + " }] }"
		got := read(t, map[string]string{"srv/e.config.js": text}, "e.config.js", Options{})
		var notes []string
		for line := range strings.Lines(got) {
			if note, ok := strings.CutPrefix(line, "note "); ok {
				notes = append(notes, strings.TrimSuffix(note, "\n"))
			} else if !strings.HasPrefix(line, "app ") {
				t.Errorf("%s: %s", tc.text, line)
			}
		}
		if got := strings.Join(notes, "\n"); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.text, got, tc.want)
		}
	}
}

// TestFactsAboutApps is for facts that decide which apps there are.
func TestFactsAboutApps(t *testing.T) {
	const text = "module.exports = { apps: process.env.STAGE === 'blue' ? [{ name: 'a', script: 'a.js' }] : [] }"
	got := read(t, map[string]string{"srv/e.config.js": text}, "e.config.js", Options{})
	expect(t, got, "app a: node /srv/a.js", "note process.env.STAGE: decides how many apps there are, as it is on this machine now")
}

// TestManyFacts: after 24 facts the rest is looked at together.
func TestManyFacts(t *testing.T) {
	const text = "for (let i = 0; i < 500; i++) process.env['X' + i]\nmodule.exports = { name: process.env.X499 || 'a', script: 'a.js' }"
	got := read(t, map[string]string{"srv/e.config.js": text}, "e.config.js", Options{})
	expect(t, got, "app a: node /srv/a.js", `note process.env.X24 and 475 more: decide apps[0] "a" name, as they are on this machine now`)
}

// TestCPUs is what the loader knows of numbers that count CPUs.
func TestCPUs(t *testing.T) {
	const none = 1000
	for text, want := range map[string]int{
		"os.cpus().length":                                    0,
		"os.availableParallelism()":                           0,
		"os.cpus().length - 1":                                -1,
		"Math.max(1, os.cpus().length - 2)":                   -2,
		"Math.max(os.cpus().length - 5, 1)":                   -5,
		"String(os.cpus().length)":                            0,
		"process.env.STAGE === 'blue' ? os.cpus().length : 2": 0,
		"Math.ceil(os.cpus().length / 2)":                     none,
		"Math.min(4, os.cpus().length)":                       none,
		"4":                                                   none,
		"'max'":                                               none,
	} {
		src := newSource(Host{Files: fstest.MapFS{"srv/e.js": {Data: []byte("const os = require('os'); exports.apps = [{ name: 'a', script: 'a.js', instances: " + text + " }]")}}, Dir: "/srv"}, "e.js", "")
		host := Host{CPUs: 4, Environ: map[string]string{"STAGE": "blue"}}
		host.Files = src.files
		result, problem := src.evaluate(t.Context(), host, Options{})
		if problem != nil {
			t.Fatal(problem)
		}
		list, _ := result.exports.apps()
		instances := list[0].get("instances")
		got := none
		if instances.cpus != nil {
			got = *instances.cpus
		}
		if got != want || want != none && instances.kind != Number {
			t.Errorf("%s: %d (%s), want %d", text, got, instances.kind, want)
		}
		taken := false
		for _, n := range result.facts {
			taken = taken || n.Key == factCPUs
		}
		if wanted := want == none && strings.Contains(text, "os."); taken != wanted {
			t.Errorf("%s: taken from this machine %v, want %v", text, taken, wanted)
		}
	}
}

func TestLeftBehind(t *testing.T) {
	const text = "module.exports = { name: 'a', script: 'a.js', cwd: '/srv/site', env: { A: '/srv', B: '/srv2', C: 'x:/srv/y' }, args: ['--conf=/srv/c'] }"
	got := read(t, map[string]string{"srv/e.config.js": text}, "e.config.js", Options{Root: "/opt/site"})
	expect(t, got, "app a: node /srv/site/a.js --conf=/srv/c A=/srv B=/srv2 C=x:/srv/y",
		`note /srv: is where the file is now, and not where the apps will be: apps[0] "a" cwd, apps[0] "a" env.A, apps[0] "a" env.C and 1 more`)
}

// TestProbesEndInTime: facts for which there is no time are all noted.
func TestProbesEndInTime(t *testing.T) {
	const text = "const host = require('os').hostname(); if (process.env.STAGE !== 'blue') for (;;);\nmodule.exports = { name: 'a', script: 'a.js', env: { A: host, B: process.env.HOME } }"
	got := read(t, map[string]string{"srv/e.config.js": text}, "e.config.js", Options{Limit: time.Second})
	expect(t, got, "app a: node /srv/a.js A=build B=/home/dev",
		`note os.hostname(): decides apps[0] "a" env.A, as it is on this machine now`,
		"note process.env.STAGE, process.env.HOME: "+keepsValue)
}
