package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/test/nodes"
)

// TestNode evaluates files with the machine's own Node.
func TestNode(t *testing.T) {
	node, err := nodes.Path(24)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(node)+":"+os.Getenv("PATH"))
	const left = "note --node: what the file takes from this machine is not looked for; the units keep it"
	for _, tc := range []struct{ name, text, want string }{
		{"a.config.js", "console.log('hi'); module.exports = { apps: [{ name: 'a', script: 'a.js', env: { A: __dirname, B: [1, null, new Date(0)] } }] }",
			"print hi\napp a /srv/app/a.js A=/srv/app B=[1,null,\"1970-01-01T00:00:00.000Z\"]\n" + left},
		{"a.config.mjs", "const name = await Promise.resolve('b')\nexport const apps = [{ name, script: 'a.js' }]\nexport default 1", "app b /srv/app/a.js\n" + left},
		{"a.config.mjs", "export default async () => () => [{ name: 'b', script: 'a.js' }]", "app b /srv/app/a.js\n" + left},
		{"a.config.cjs", "module.exports = { apps: Promise.resolve([{ name: 'b', script: 'a.js' }]) }", "app b /srv/app/a.js\n" + left},
		{"a.config.cjs", "module.exports = { name: 'b', script: 'a.js', env: { B: require('child_process').execSync('test -n $HOME && echo 1').toString().trim() } }", "app b /srv/app/a.js B=1\n" + left},
		{"a.config.cjs", "module.exports = { name: 'b', script: 'a.js', env: { ...process.env, MINE: 1, HOME: typeof process.env.PATH } }",
			"app b /srv/app/a.js HOME=string MINE=1\n" + left + "\nnote process.env: the file copies all variables; those of this machine are not in the units, only what the file itself sets"},
		{"a.config.cjs", "const n = require('os').cpus().length\nmodule.exports = { name: 'b', script: 'a.js', instances: n - 1, exec_mode: 'cluster', env: { N: n > 60 } }",
			"app b /srv/app/a.js N=false\n" + left + "\nnote os.cpus(): decides apps[0] \"b\" env.N, as it is on this machine now"},
		{"a.json", "{ name: 'b', script: 'a.js', }", "app b /srv/app/a.js"},
		{"a.config.js", "\nnope()", "error a.config.js:2:1: ReferenceError: nope is not defined | the file itself throws this: give it what it asks for"},
		{"a.config.cjs", "throw 'text'", "error a.config.cjs: text | the file itself throws this: give it what it asks for"},
		{"a.config.cjs", "module.exports = new Promise(() => {})", "error a.config.cjs: module.exports waits for a promise that is never settled | resolve it with the apps, or export them directly"},
		{"a.config.cjs", "process.exit(7)", "error a.config.cjs: node ended with exit code 7 before the file had exported its apps | take process.exit() out of the file, or mend what it says"},
		{"a.config.cjs", "const o = {}; o.o = o; module.exports = o", "error a.config.cjs: module.exports is nested too deep, or contains itself | export plain objects: strings, numbers, lists"},
		{"a.config.cjs", "require('child_process').execSync('sleep 60')", "error a.config.cjs: still running after 1s, stopped | look for a loop that never ends, there or in the next lines"},
		{"a.config.cjs", "require('child_process').spawn('tail', ['-f', '--pid=' + process.ppid, '/dev/null'], { detached: true, stdio: 'inherit' }).unref(); module.exports = { name: 'b', script: 'a.js' }", "app b /srv/app/a.js\n" + left},
		{"a.config.cjs", "for (const s = 'x'.repeat(1 << 20); ;) try { require('fs').writeSync(1, s) } catch (e) { if (e.code !== 'EAGAIN') throw e }", "error a.config.cjs: run node: it prints without end | install Node, or leave --node away: gopm-gen evaluates most files itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tc.name), []byte(tc.text), 0o644); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			host := Host()
			host.Dir, host.CPUs = dir, 2
			host.Print = func(line string) { fmt.Fprintf(&b, "print %s\n", line) }
			limit := 20 * time.Second
			if strings.Contains(tc.text, "sleep") {
				limit = time.Second
			}
			file, problems := ecosystem.Load(t.Context(), host, tc.name, ecosystem.Options{Root: "/srv/app", Node: true, Limit: limit})
			for _, p := range problems {
				fmt.Fprintf(&b, "error %v | %s\n", p, p.Hint)
			}
			for _, a := range file.Apps {
				fmt.Fprintf(&b, "app %s %s", a.Name, a.Script)
				for _, v := range a.Variables {
					fmt.Fprintf(&b, " %s=%s", v.Name, v.Value)
				}
				b.WriteString("\n")
			}
			for _, n := range file.Notes {
				fmt.Fprintf(&b, "note %s: %s\n", n.Key, n.Text)
			}
			got := strings.ReplaceAll(strings.TrimSpace(b.String()), dir, "$WORK")
			if got != tc.want && !strings.Contains(tc.text, "cpus()") {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if strings.Contains(tc.text, "cpus()") && !strings.Contains(got, "os.cpus(): decides apps[0] \"b\" env.N, as") {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
