package ecosystem

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// read loads a file of a project below /srv and tells all that came of it.
func read(t testing.TB, files map[string]string, name string, opt Options) string {
	t.Helper()
	disk := fstest.MapFS{}
	for file, text := range files {
		if target, link := strings.CutPrefix(text, "-> "); link {
			disk[file] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		disk[file] = &fstest.MapFile{Data: []byte(text)}
	}
	var b strings.Builder
	host := Host{
		Files: disk, Dir: "/srv", CPUs: 4, Hostname: "build", Home: "/home/dev", User: "dev", UID: 1000, Memory: 8 << 30,
		Stdin:   strings.NewReader(files["stdin"]),
		Environ: map[string]string{"HOME": "/home/dev", "STAGE": "blue"},
		Now:     func() time.Time { return time.UnixMilli(1_700_000_000_000) },
		Print:   func(line string) { fmt.Fprintf(&b, "print %s\n", line) },
	}
	file, problems := Load(t.Context(), host, name, opt)
	for _, p := range problems {
		fmt.Fprintf(&b, "error %v\nhint %s\n", p, p.Hint)
	}
	for _, a := range file.Apps {
		program, args := a.Command()
		fmt.Fprintf(&b, "app %s: %s", a.Name, strings.Join(append([]string{program}, args...), " "))
		for _, v := range a.Variables {
			fmt.Fprintf(&b, " %s=%s", v.Name, v.Value)
		}
		b.WriteByte('\n')
	}
	for _, n := range file.Notes {
		fmt.Fprintf(&b, "note %s: %s\n", n.Key, n.Text)
	}
	return b.String()
}

// expect compares what read tells.
func expect(t *testing.T, got string, want ...string) {
	t.Helper()
	if text := strings.Join(want, "\n") + "\n"; got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

func TestFormats(t *testing.T) {
	const one, inJSON = "app one: node /srv/a.js", `write { "apps": [{ "name": "api", "script": "./index.js" }] }`
	for _, tc := range []struct{ name, text, want string }{
		{"ecosystem.config.js", "module.exports = { apps: [{ name: 'one', script: 'a.js' }] }", one},
		{"ecosystem.config.cjs", "exports.apps = [{ name: 'one', script: 'a.js' }]", one},
		{"pm2.js", "module.exports = [{ name: 'one', script: 'a.js' }]", one},
		{"pm2.mjs", "export default { name: 'one', script: 'a.js' }", one},
		{"ecosystem.config.mjs", "export const apps = [{ name: 'one', script: 'a.js' }]\nexport default { apps: [] }", one},
		{"ecosystem.config.js", "export default [{ name: 'one', script: 'a.js' }]", one},
		{"ecosystem.config.js", "const apps = [{ name: 'one', script: 'a.js' }]\nexport { apps }", one},
		{"ecosystem.config.js", "module.exports = { apps: { name: 'one', script: 'a.js' } }", one},
		{"ecosystem.config.js", "module.exports = () => ({ apps: [{ name: 'one', script: 'a.js' }] })", one},
		{"ecosystem.config.js", "module.exports = async () => [{ name: 'one', script: 'a.js' }]", one},
		{"ecosystem.config.js", "module.exports = Promise.resolve(() => Promise.resolve({ name: 'one', script: 'a.js' }))", one},
		{"ecosystem.config.js", "exports.apps = new Promise(resolve => setTimeout(resolve, 3600e3, [{ name: 'one', script: 'a.js' }]))", one},
		{"ecosystem.config.js", "Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = { name: 'one', script: 'a.js' }", one},
		{"ecosystem.config.mjs", "const name = await Promise.resolve('one')\nexport const apps = [{ name, script: 'a.js' }]", one},
		{"ecosystem.config.ts", "interface A { name: string }\nenum E { a }\nexport default { apps: [{ name: 'one', script: 'a.js' } as A] }", one},
		{"pm2.mts", "import type { X } from 'nowhere'\nconst x: X = { name: 'one', script: 'a.js' }\nexport default x", one},
		{"pm2.cts", "const x: object = { name: 'one', script: 'a.js' }\nexport = x", one},
		{"ecosystem.json", `{"apps":[{"name":"one","script":"a.js"}]}`, one},
		{"ecosystem.json", "// none of it is JSON\n{ apps: [{ name: 'o' + 'ne', script: 'a.js', }], }", one},
		{"ecosystem.config.json", "\ufeff{ apps: [{ name: 'one', script: 'a.js' }] }", one},
		{"ecosystem.json5", "{ apps: [{ name: 'one', /* x */ script: 'a.js', env: { H: process.env.HOME } }] }",
			one + " H=/home/dev\nnote process.env.HOME: decides apps[0] \"one\" env.H, as it is on this machine now"},
		{"ecosystem.json", "{ apps: [{ name: __dirname }] }", "error ecosystem.json:1:18: ReferenceError: __dirname is not defined\nhint the file itself throws this: give it what it asks for"},
		{"ecosystem.json", "{\n  apps: [{ name: 'one' script: 'a.js' }]\n}", "error ecosystem.json:2:24: syntax error: expected \"}\" but found \"script\"\nhint look at this line: \"apps: [{ name: 'one' script: 'a.js' }]\""},
		{"ecosystem.json", " \n", "error ecosystem.json: is empty\nhint " + inJSON},
		{"ecosystem.json5", "{ a: 1 }", "error ecosystem.json5: has no apps\nhint " + inJSON},
		{"ecosystem.json", `"x"`, `error ecosystem.json: is "x", not an object` + "\nhint " + inJSON},
		{"ecosystem.json", `{ "apps": [] }`, "error ecosystem.json: apps is empty\nhint " + inJSON},
		{"ecosystem.yml", "a: 1", "error ecosystem.yml: has no apps\nhint write apps: and a list below it"},
		{"package.json", `{ "name": "x", "apps": [{ "name": "one", "script": "a.js" }], "scripts": {} }`, one},
		{"package.json", `{ "name": "x", "pm2": { "name": "one", "script": "a.js" } }`, one},
		{"package.json", `{ "name": "x", "pm2": { "apps": [{ "name": "one", "script": "a.js" }] } }`, one},
		{"ecosystem.yml", "apps:\n- name: one\n  script: a.js", one},
		{"ecosystem.yaml.bak", "name: one\nscript: a.js", one},
		{"ecosystem.yml", "", "error ecosystem.yml: is empty\nhint write apps: and a list below it"},
		{"ecosystem.yml", "a: 1\n---\nb: 1", "error ecosystem.yml:2:1: has more than one document\nhint put all apps into one list, and take --- away"},
		{"ecosystem.yml", "apps: &a [*a]", "error ecosystem.yml: the document is nested too deep, or contains itself\nhint write plain values: strings, numbers, lists"},
		{"ecosystem.yml", "name: one\nname: two", "error ecosystem.yml:2:1: \"name\" is there twice\nhint take one of the two away"},
		{"ecosystem.yml", "name: !!js/function 'x'", "error ecosystem.yml:1:7: unknown tag \"!!js/function\"\nhint take the tag away"},
		{"-", "", one},
		{"Ecosystem.toml", "", "error Ecosystem.toml: is no kind of ecosystem file\nhint its name must end in .js, .cjs, .mjs, .ts, .json, .json5, .yml or .yaml"},
		{"ecosystem.config.js", "module.exports = new Promise(() => {})", "error ecosystem.config.js: module.exports waits for a promise that is never settled\nhint resolve it with the apps, or export them directly"},
		{"ecosystem.config.mjs", "await new Promise(() => {})", "error ecosystem.config.mjs: the module waits for a promise that is never settled\nhint resolve it with the apps, or export them directly"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := read(t, map[string]string{"srv/" + tc.name: tc.text, "stdin": "{ name: 'one', script: 'a.js' }"}, tc.name, Options{})
			expect(t, got, tc.want)
		})
	}
}

// TestYAML holds YAML's scalars against the schema of PM2's parser.
func TestYAML(t *testing.T) {
	for text, want := range map[string]string{
		"yes": "yes", "on": "on", "true": "true", "False": "false", "010": "10", "0o10": "8", "0x1F": "31", "0b11": "3", "1_000": "1000",
		"12:30": "12:30", "1e3": "1000", "1.50": "1.5", ".5": "0.5", "-3": "-3", "+3": "3", ".inf": "Infinity", "~": "null", "null": "null",
		"'1'": "1", `"a\tb"`: "a\tb", "2024-01-02": `"2024-01-02T00:00:00.000Z"`, "2024-01-02T03:04:05+01:00": `"2024-01-02T02:04:05.000Z"`,
		"2024-1-2": "2024-1-2", "!!str 12": "12", "{a: [1, no]}": `{"a":[1,"no"]}`, "*d": "x", "9007199254740993": "9007199254740992", "v1.0": "v1.0", "1.0": "1",
	} {
		got := read(t, map[string]string{"srv/e.yml": "d: &d x\napps: [{ name: one, script: a.js, env: { V: " + text + " } }]"}, "e.yml", Options{})
		got, _, _ = strings.Cut(got, "\n")
		if got != "app one: node /srv/a.js V="+want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	merged := "d: &d { script: a.js, name: no, env: { A: 1 } }\ne: &e { args: x }\napps:\n- name: one\n  <<: [*d, *e]\n- { <<: *d, name: two }"
	expect(t, read(t, map[string]string{"srv/e.yml": merged}, "e.yml", Options{}),
		"app one: node /srv/a.js x A=1", "app two: node /srv/a.js A=1",
		"note d: PM2 knows no such key beside apps", "note e: PM2 knows no such key beside apps")
}

func TestYAMLBombEnds(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	got := read(t, map[string]string{"srv/e.yml": b.String()}, "e.yml", Options{})
	if !strings.HasPrefix(got, "error e.yml") {
		t.Errorf("got %s", got)
	}
}
