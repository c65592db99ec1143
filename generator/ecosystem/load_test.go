package ecosystem

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// load reads a file with one app, or what else it exports.
func load(t testing.TB, text string, opt Options) (File, []*Problem) {
	t.Helper()
	host := Host{Files: fstest.MapFS{
		"srv/ecosystem.config.js": {Data: []byte(text)},
		"srv/tool":                {Data: []byte("#!/bin/sh\n")},
		"srv/binary":              {Data: []byte("\x7fELF\x02\x00")},
	}, Dir: "/srv", CPUs: 4}
	return Load(t.Context(), host, "ecosystem.config.js", opt)
}

// app reads a file with one app that is nothing but right.
func app(t testing.TB, attributes string) App {
	t.Helper()
	file, problems := load(t, "module.exports = { apps: [{ name: 'api', "+attributes+" }] }", Options{})
	for _, p := range problems {
		t.Fatalf("%v in %s", p, attributes)
	}
	return file.Apps[0]
}

func TestMode(t *testing.T) {
	for _, tc := range []struct {
		attributes string
		cluster    bool
		count      Count
	}{
		// The table of PM2's own behaviour.
		{"", false, Count{N: 1}},
		{"instances: null", false, Count{N: 1}},
		{"instances: undefined", false, Count{N: 1}},
		{"instances: 1", true, Count{N: 1}},
		{"instances: 4", true, Count{N: 4}},
		{"instances: '4'", true, Count{N: 4}},
		{"instances: '4 workers'", true, Count{N: 4}},
		{"instances: 0", true, Count{PerCPU: true}},
		{"instances: '0'", true, Count{PerCPU: true}},
		{"instances: 'max'", true, Count{PerCPU: true}},
		{"instances: 'abc'", true, Count{PerCPU: true}},
		{"instances: ''", true, Count{PerCPU: true}},
		{"instances: -1", true, Count{PerCPU: true, N: -1}},
		{"instances: '-1'", true, Count{PerCPU: true, N: -1}},
		{"instances: -2, exec_mode: 'cluster'", true, Count{PerCPU: true, N: -2}},
		{"instances: 2.5", true, Count{N: 2}},
		{"instances: '2.5'", true, Count{N: 2}},
		{"instances: 3, exec_mode: 'fork'", false, Count{N: 3}},
		{"instances: 3, exec_mode: 'fork_mode'", false, Count{N: 3}},
		{"instances: 3, execute_command: true", false, Count{N: 3}},
		{"exec_mode: 'cluster'", true, Count{N: 1}},
		{"instances: -2", false, Count{PerCPU: true, N: -2}},
		{"instances: 'max', exec_mode: 'fork'", false, Count{PerCPU: true}},
		{"instances: 2, interpreter: 'python3'", false, Count{N: 2}},
		{"instances: 1, interpreter: 'bun'", false, Count{N: 1}},
	} {
		got := app(t, "script: 'a.js', "+tc.attributes)
		if got.Cluster != tc.cluster || got.Instances != tc.count {
			t.Errorf("%s: cluster %v, %+v; want %v, %+v", tc.attributes, got.Cluster, got.Instances, tc.cluster, tc.count)
		}
	}
}

func TestProgram(t *testing.T) {
	for _, tc := range []struct{ attributes, want string }{
		{"script: 'a.js'", "node /srv/a.js"},
		{"script: './src'", "node /srv/src"},
		{"script: '/opt/a.mjs', args: '-a 1'", "node /opt/a.mjs -a 1"},
		{"script: 'a.js', cwd: 'sub', node_args: '--inspect'", "node --inspect /srv/sub/a.js"},
		{"script: 'a.js', cwd: '/opt', interpreter: './bin/node'", "/opt/bin/node /opt/a.js"},
		{"script: 'a.py'", "python3 /srv/a.py"},
		{"script: 'a.sh'", "bash /srv/a.sh"},
		{"script: 'a.rb'", "ruby /srv/a.rb"},
		{"script: 'a.php'", "php /srv/a.php"},
		{"script: 'a.pl'", "perl /srv/a.pl"},
		{"script: 'a.coffee'", "coffee /srv/a.coffee"},
		{"script: 'a.ls'", "lsc /srv/a.ls"},
		{"script: 'a.tsx'", "node /srv/a.tsx"},
		{"script: 'a.ts', interpreter: 'node'", "node /srv/a.ts"},
		{"script: './bin/a', interpreter: 'none', node_args: '--lost'", "/srv/bin/a"},
		{"script: 'binary', args: ['x']", "/srv/binary x"},
		// A bare word is a program in PATH, unless the app has such a file.
		{"script: 'npm', args: 'start'", "npm start"},
		{"script: 'java', interpreter: 'none'", "java"},
		{"script: 'tool'", "node /srv/tool"},
		{"script: 'npm', interpreter: 'bash'", "npm"},
		{"script: 'uvicorn', interpreter: 'python3', args: 'a:b'", "uvicorn a:b"},
		{"script: 'artisan', interpreter: 'php'", "php /srv/artisan"},
		{"script: 'node', args: 'b.js -x'", "node /srv/b.js -x"},
		{"script: 'a.ts', interpreter: 'tsx', exec_mode: 'cluster'", "node --import=tsx /srv/a.ts"},
		{"script: 'sleep 1 && echo', args: 'lost'", "bash -c sleep 1 && echo"},
		{"exec: 'a.js'", "node /srv/a.js"},
		{"cmd: 'a.js'", "node /srv/a.js"},
		{"command: 'b.js', cmd: 'a.js'", "node /srv/a.js"},
		{"script: '', exec: 'a.js'", "node /srv/a.js"},
	} {
		a := app(t, tc.attributes)
		program, args := a.Command()
		got := strings.Join(append([]string{program}, args...), " ")
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.attributes, got, tc.want)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for s, want := range map[string][]string{
		``:                          nil,
		`-a 1 --b="c d"`:            {`-a`, `1`, `--b="c d"`},
		`--x='y z' "q w" e`:         {`--x='y z'`, `q w`, `e`},
		`--name="x"y`:               {`--name="x"`, `y`},
		`a\ b`:                      {`a\`, `b`},
		`"" ''`:                     {``, ``},
		`"open end`:                 {`"open`, `end`},
		"  -p\t3000  ":              {`-p`, `3000`},
		`run --env='{"a": 1}' last`: {`run`, `--env='{"a": 1}'`, `last`},
	} {
		if got := splitWords(s); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
}

func TestPort(t *testing.T) {
	for attributes, want := range map[string]string{
		"":                                          "",
		"env: { PORT: 3000 }":                       "3000 env.PORT",
		"env: { PORT: '3000' }, args: '-p 1'":       "3000 env.PORT",
		"port: 3001, env: { PORT: 3000 }":           "3001 port",
		"port: 3001, gopm: { listen: 3002 }":        "3002 gopm.listen",
		"port: 3001, gopm: { listen: ['[::]:80'] }": "[::]:80 gopm.listen",
		"port: 3001, gopm: { listen: false }":       "",
		"port: 3001, instances: 2, exec_mode: 'fork', increment_var: 'PORT'":                 "3002 increment_var",
		"port: 3001, instances: 2, exec_mode: 'fork', increment_var: 'PORT', script: 'a.py'": "",
		"port: 3001, instances: 'max', exec_mode: 'fork', increment_var: 'PORT'":             "",
		"args: '--port 3003'":                        "3003 args",
		"args: '--port=3003'":                        "3003 args",
		"args: ['-p3003']":                           "3003 args",
		"args: '-p 3003 --path'":                     "3003 args",
		"args: '-p'":                                 "",
		"args: '--port none'":                        "",
		"env: { PORT: '/run/a.sock' }":               "/run/a.sock env.PORT",
		"env: { PORT: 0 }, exec_mode: 'cluster'":     "",
		"env: { PORT: 'https' }, args: '--port=443'": "443 args",
	} {
		a := app(t, "script: 'a.js', "+attributes)
		got := ""
		for _, p := range a.Ports {
			got = p.Address + " " + p.Key
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", attributes, got, want)
		}
	}
}

func TestLogs(t *testing.T) {
	for _, tc := range []struct {
		attributes string
		want       Log
	}{
		{"", Log{}},
		{"out: 'logs/a.log'", Log{Path: "/srv/logs/a.log"}},
		{"output: '/var/log/a.log', cwd: 'sub'", Log{Path: "/var/log/a.log"}},
		{"out_file: 'a.log', cwd: 'sub'", Log{Path: "/srv/sub/a.log"}},
		{"out_file: 'NULL'", Log{Discard: true}},
		{"out_file: '/dev/null'", Log{Discard: true}},
		{"out_file: 'a.log', exec_mode: 'cluster'", Log{Path: "/srv/a", Suffix: ".log", PerInstance: true}},
		{"out_file: 'a.log', instances: 2, exec_mode: 'fork'", Log{Path: "/srv/a", Suffix: ".log", PerInstance: true}},
		{"out_file: 'a-2.log', merge_logs: false", Log{Path: "/srv/a", Suffix: ".log", PerInstance: true}},
		{"out_file: 'a.txt', merge_logs: false", Log{Path: "/srv/a.txt"}},
		{"out_file: 'a.log', exec_mode: 'cluster', combine_logs: true", Log{Path: "/srv/a.log"}},
		{"out_file: 'a.log', merge_logs: false, mergeLogs: true", Log{Path: "/srv/a.log"}},
	} {
		if got := app(t, "script: 'a.js', "+tc.attributes).Output; got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.attributes, got, tc.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	a := app(t, "script: 'a.js', exec_mode: 'cluster', min_uptime: '1h', restart_delay: '250', max_restarts: '3', kill_timeout: 1e300, max_memory_restart: '2K', listen_timeout: 1.5")
	got := fmt.Sprint(a.MinUptime, a.RestartDelay, a.MaxRestarts, a.KillTimeout, a.MemoryLimit, a.ListenTimeout)
	if want := fmt.Sprint(time.Hour, 250*time.Millisecond, 3, longestSpan, 2048, 2*time.Millisecond); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for size, want := range map[string]int64{"'300M'": 300 << 20, "'1G'": 1 << 30, "1000": 1000, "'1000'": 1000, "'99999999999999G'": 1<<62 - 1} {
		if got := app(t, "script: 'a.js', exec_mode: 'cluster', max_memory_restart: "+size).MemoryLimit; got != want {
			t.Errorf("%s: got %d, want %d", size, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	file, problems := load(t, "exports.apps = [{ script: './src/worker.v2.js' }]", Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := App{
		Name: "worker.v2", Place: `apps[0] "worker.v2"`, Program: "node", Script: "/srv/src/worker.v2.js", Dir: "/srv", Node: true,
		Instances: Count{N: 1}, KillTimeout: 1600 * time.Millisecond, DrainTimeout: 30 * time.Second, MinUptime: time.Second, MaxRestarts: 16,
		Restart: true, AutoStart: true, TreeKill: true, SourceMaps: true, TakeRejection: true,
		pm2: file.Apps[0].pm2,
	}
	if !reflect.DeepEqual(file.Apps, []App{want}) {
		t.Errorf("got %+v\nwant %+v", file.Apps, want)
	}
}

func TestLimit(t *testing.T) {
	alone(t)
	for name, text := range map[string]string{
		"a loop":                           "while (true) {}",
		"a loop in a getter":               "module.exports = { get apps () { for (;;) {} } }",
		"a loop in a module's function":    "[1, 2].sort(() => { for (;;) {} })",
		"a search that is one instruction": "/^(a+)+(?=b)\\1$/.test('a'.repeat(23))",
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := load(t, text, Options{Limit: 50 * time.Millisecond})
			if len(problems) != 1 || problems[0].Text != "still running after 50ms, stopped" || problems[0].File != "ecosystem.config.js" {
				t.Errorf("got %v", problems)
			}
		})
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, problems := Load(ctx, Host{Files: fstest.MapFS{"a.js": {Data: []byte("for (;;) {}")}}, Dir: "/"}, "a.js", Options{})
	if len(problems) != 1 {
		t.Errorf("got %v", problems)
	}
}

// FuzzLoad: every text, in every format, comes to an end in time, and whatever
// is wrong with it is said with the name of a file.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		"", "module.exports = { apps: [{ name: 'api', script: 'a.js', instances: 2 }] }", "exports.apps = [", "}", "})", "}); (function(){", "#!/x\n", "\ufeffx",
		"throw 1", "throw null", "throw {}", "throw { get toString () { throw 1 } }", "require('./ecosystem.config.js')", "require('fs').readFileSync('/')",
		"module.exports = new Proxy({}, { get () { throw 1 } })", "module.exports = Symbol()", "module.exports = new Array(1e9)", "import x from 'y'",
		"module.exports = { apps: { script: 'a', args: [[1]], env: { A: [undefined, 1n] }, gopm: 1 } }", "exports.pm2 = 1", "process.exit()", "require(1)", "require('os').cpus(",
		"module.exports = { script: 'a\\\\', name: '\\u2028', env_x: new Date, instances: 1e400 }", "for (;;) {}", "module.exports = () => 1", "delete global.process; console.log(process)",
		"export default { apps: [{ script: 'a.js' }] }", "export const apps = await 1", "module.exports = Promise.reject()", "module.exports = { get then () { throw 1 } }",
		"await new Promise(() => {})", "setTimeout(() => { throw 1 }); module.exports = new Promise(() => {})", "Error.prepareStackTrace = 1; Error = 1; x", "JSON = 1; String.prototype.toString = null; x()",
		"Object.prototype.get = 1; module.exports = { script: process.env.X }", "module.exports = { script: Date.now() + process.env.A }", "({ apps: [{ script: 'a.js' }] })", "{ apps: [{ name: 'x', script: 'y', }] }",
		"apps:\n- script: a.js\n  <<: &a {b: *a}", "a: &a [*a]", "? [x]\n: y", "- !!binary x", "enum A { b } export = A", "import './package.json' with { type: 'json' }",
		"require('dotenv').config({ path: 1 })", "require('util').inspect(globalThis)", "new URL('x', 'y')", "require('module').createRequire(1)('x')", "export { x as default } from './y'",
	} {
		for i := range fuzzNames {
			f.Add(i, s)
		}
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		// Far above limit: nobody knows what else a machine does meanwhile.
		const limit, most = 100 * time.Millisecond, time.Minute
		name := fuzzNames[uint(i)%uint(len(fuzzNames))]
		host := Host{Files: fstest.MapFS{"srv/" + name: {Data: []byte(text)}}, Dir: "/srv", CPUs: 4}
		begin := time.Now()
		file, problems := Load(t.Context(), host, name, Options{Limit: limit, Memory: 64 << 20})
		if took := time.Since(begin); took > most {
			t.Errorf("took %v, with a limit of %v", took, limit)
		}
		for _, p := range problems {
			if !strings.HasPrefix(p.Error(), name+":") || p.Text == "" || p.Hint == "" || strings.ContainsAny(p.Error(), "\n\x00") {
				t.Errorf("%q (hint: %q) has no place or no hint", p.Error(), p.Hint)
			}
		}
		if len(file.Apps) == 0 && len(problems) == 0 {
			t.Error("neither an app nor a problem")
		}
	})
}

// fuzzNames are names of files, one for each way of reading them.
var fuzzNames = []string{"ecosystem.config.js", "ecosystem.config.mjs", "ecosystem.config.ts", "ecosystem.json", "ecosystem.yml", "package.json"}
