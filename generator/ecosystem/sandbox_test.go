package ecosystem

import (
	"strings"
	"testing"
)

// project is a folder with what files require.
var project = map[string]string{
	"srv/package.json":                         `{ "name": "shop", "version": "1.2.3" }`,
	"srv/.env":                                 "PORT=3000\nSTAGE=red # as a rule\nexport QUOTED=\"a\\nb\"\nSINGLE='x y'\nEMPTY=\n",
	"srv/prod.env":                             "PORT=80\nURL=http://$HOST:${PORT}/${NOPE:-x}\nHOST=h",
	"srv/lib/ports.js":                         "exports.web = 4000",
	"srv/lib/esm.mjs":                          "export const named = 1\nexport default 2",
	"srv/lib/typed.ts":                         "export const n: number = 5",
	"srv/lib/index.js":                         "module.exports = { dir: __dirname, main: require.main.filename }",
	"srv/lib/data.json":                        `{ "a": [1] }`,
	"srv/lib/late.mjs":                         "export const x = await 1",
	"srv/node_modules/plain/package.json":      `{ "main": "lib/main" }`,
	"srv/node_modules/plain/lib/main.js":       "module.exports = () => 'plain ' + require('other')",
	"srv/node_modules/other/package.json":      `{ "exports": { ".": { "import": "./i.mjs", "require": { "node": "./r.cjs" } }, "./x/*": "./lib/*.js", "./x/deep/*": "./deep/*.js", "./*": "./nowhere/*.js" } }`,
	"srv/node_modules/other/r.cjs":             "module.exports = 'other'",
	"srv/node_modules/other/i.mjs":             "export default 'wrong'",
	"srv/node_modules/other/lib/y.js":          "module.exports = 'y'",
	"srv/node_modules/other/deep/z.js":         "module.exports = 'z'",
	"srv/node_modules/@scope/pkg/package.json": `{ "type": "module", "exports": "./main.js" }`,
	"srv/node_modules/@scope/pkg/main.js":      "export default 'scoped'",
	"srv/node_modules/linked":                  "-> .store/linked@1/node_modules/linked",
	"srv/node_modules/.store/linked@1/node_modules/linked/index.js": "module.exports = 'linked ' + require('dep')",
	"srv/node_modules/.store/linked@1/node_modules/dep/index.js":    "module.exports = 'dep'",
	"srv/out":        "-> ../etc/passwd",
	"etc/passwd":     "root:x:0:0",
	"home/dev/notes": "private",
}

// evaluate runs text as the file of the project and returns the variable V of
// its app, or what else came of it.
func variable(t *testing.T, name, text string) string {
	t.Helper()
	files := map[string]string{"srv/" + name: text}
	for k, v := range project {
		files[k] = v
	}
	got := read(t, files, name, Options{})
	const app = "app a: node /srv/a.js V="
	if rest, ok := strings.CutPrefix(got, app); ok {
		return strings.TrimSuffix(rest, "\n")
	}
	return strings.TrimSuffix(got, "\n")
}

func TestModules(t *testing.T) {
	for expression, want := range map[string]string{
		"require('./package.json').version":                                                   "1.2.3",
		"require('./lib/ports').web":                                                          "4000",
		"require('./lib/ports.js').web":                                                       "4000",
		"require('./lib').dir + require('./lib').main":                                        "/srv/lib/srv/e.config.js",
		"require('./lib/esm.mjs').named":                                                      "1",
		"require('./lib/esm').default":                                                        "2",
		"require('./lib/typed.js').n":                                                         "5",
		"require('./lib/data').a":                                                             "[1]",
		"require('plain')()":                                                                  "plain other",
		"require('other/x/deep/z')":                                                           "z",
		"require('other/x/y')":                                                                "y",
		"require('@scope/pkg').default":                                                       "scoped",
		"require('linked')":                                                                   "linked dep",
		"require('module').createRequire('/srv/lib/x.js')('./ports').web":                     "4000",
		"require.resolve('./lib')":                                                            "/srv/lib/index.js",
		"require('node:path').join(__dirname, '..', 'x')":                                     "/x",
		"require('fs').readFileSync('.env').length > 5":                                       "true",
		"require('fs').readFileSync(__dirname + '/.env', 'utf8').slice(0, 4)":                 "PORT",
		"require('fs').existsSync('nope')":                                                    "false",
		"require('fs').readdirSync('lib').length":                                             "6",
		"require('fs').readdirSync('lib', { withFileTypes: true })[0].isFile()":               "true",
		"require('fs').statSync('lib').isDirectory()":                                         "true",
		"require('fs').lstatSync('out').isSymbolicLink()":                                     "true",
		"require('fs').realpathSync('node_modules/linked')":                                   "/srv/node_modules/.store/linked@1/node_modules/linked",
		"(() => { try { require('fs').readFileSync('out') } catch (e) { return e.code } })()": "EACCES",
		"(() => { try { require('fs').readFileSync('/home/dev/notes') } catch (e) { return e.code } })()":                                       "EACCES",
		"(() => { try { require('fs').readFileSync('nope') } catch (e) { return e.code } })()":                                                  "ENOENT",
		"(() => { try { require('fs').writeFileSync('x', '') } catch (e) { return e.code } })()":                                                "EROFS",
		"(() => { try { require('nope') } catch (e) { return e.code } })()":                                                                     "MODULE_NOT_FOUND",
		"(() => { try { require('./lib/late.mjs') } catch (e) { return e.code } })()":                                                           "ERR_REQUIRE_ASYNC_MODULE",
		"(() => { try { require('child_process').execSync('x') } catch (e) { return e.code } })()":                                              "ERR_ACCESS_DENIED",
		"(() => { try { fetch('http://x') } catch (e) { return e.code } })()":                                                                   "ERR_ACCESS_DENIED",
		"(() => { try { require('https').get('x') } catch (e) { return e.code } })()":                                                           "ERR_ACCESS_DENIED",
		"(() => { require('dotenv').config(); return [process.env.PORT, process.env.QUOTED.length, process.env.SINGLE, process.env.EMPTY] })()": `["3000",3,"x y",""]`,
		"require('dotenv').config({ path: './prod.env' }).parsed.PORT":                                                                          "80",
		"require('dotenv').parse('A = 1\\nB: 2')":                                                                                               `{"A":"1","B":"2"}`,
		"require('node:util').parseEnv('A=1').A":                                                                                                "1",
		"require('dotenv').config({ path: 'nope' }).error.code":                                                                                 "ENOENT",
		"require('dotenv-expand').expand(require('dotenv').config({ path: 'prod.env' })).parsed.URL":                                            "http://h:80/x",
		"(() => { require('dotenv/config'); return Object.keys({ ...process.env }).length })()":                                                 "4\nnote process.env: " + copiesVariables,
		"require('url').fileURLToPath(require('url').pathToFileURL('/a b#'))":                                                                   "/a b#",
		"new URL('../x?y', 'http://h:1/a/b/c').href":                                                                                            "http://h:1/a/x?y",
		"new URLSearchParams('a=1&b=2').get('b')":                                                                                               "2",
		"require('util').format('%s %d %j', 'a', 1, [2])":                                                                                       "a 1 [2]",
		"require('util').inspect({ a: [1, 'x'] })":                                                                                              "{ a: [ 1, 'x' ] }",
		"require('util').isDeepStrictEqual([{ a: 1 }], [{ a: 1 }])":                                                                             "true",
		"Buffer.from('é').toString('base64') + btoa('a') + atob('Yg==')":                                                                        "w6k=YQ==b",
		"new TextDecoder().decode(new TextEncoder().encode('é'))":                                                                               "é",
		"structuredClone(new Map([[1, { a: 2 }]])).get(1).a":                                                                                    "2",
		"Object.groupBy([1, 2, 3], n => n % 2 ? 'odd' : 'even')":                                                                                `{"odd":[1,3],"even":[2]}`,
		"require('querystring').stringify({ a: [1, 2], b: 'é' })":                                                                               "a=1&a=2&b=%C3%A9",
		"require('crypto').createHash('md5').update('a').digest('hex')":                                                                         "0cc175b9c0f1b6a831c399e269772661",
		"require('assert').strictEqual(1, 1) === undefined":                                                                                     "true",
		"new (require('events'))().on('x', () => {}).emit('x')":                                                                                 "true",
		"new Uint8Array([1]) instanceof Uint8Array":                                                                                             "true",
		"process.version.split('.')[0] + process.platform":                                                                                      "v22linux",
		"typeof process.on('exit', () => {}) + typeof process.hrtime.bigint()":                                                                  "objectbigint",
		"new Date(0)": `"1970-01-01T00:00:00.000Z"`,
		"[require === module.require, module.id, typeof exports]": `[true,"/srv/e.config.js","object"]`,
		"require('bun').env.MINE = 'x'":                           "x",
		"typeof Bun + typeof globalThis.require":                  "undefinedundefined",
	} {
		got := variable(t, "e.config.js", "module.exports = { name: 'a', script: 'a.js', env: { V: "+expression+" } }")
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", expression, got, want)
		}
	}
}

func TestESModules(t *testing.T) {
	text := `
import fs, { existsSync as there } from 'node:fs'
import * as path from 'path'
import { fileURLToPath } from 'url'
import pkg from './package.json' with { type: 'json' }
import two, { named } from './lib/esm.mjs'
import { n } from './lib/typed.js'
import 'dotenv/config'
import { createRequire } from 'module'
import type { X } from 'nowhere'
const require = createRequire(import.meta.url)
const __filename = fileURLToPath(import.meta.url)
const __dirname = path.dirname(__filename)
AWAIT
export default { name: 'a', script: 'a.js', env: { V: [pkg.name, two, named, n, there('.env'), require('./lib/ports').web, __dirname, import.meta.dirname, process.env.PORT, typeof fs.readFileSync] } }
`
	want := `["shop",2,1,5,true,4000,"/srv","/srv","3000","function"]`
	for name, await := range map[string]string{"e.config.ts": "", "a.config.ts": "const { named: again } = await import('./lib/esm.mjs')"} {
		if got := variable(t, name, strings.Replace(text, "AWAIT", await, 1)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestRefusals are the messages for what a file may not do.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"require('knex')":                                              "error e.config.js:1:8: cannot find module \"knex\"\nhint install it beside the file: npm install knex; or let Node evaluate it: --node",
		"require('./nope')":                                            "error e.config.js:1:8: cannot find module \"./nope\"\nhint put the file there, or mend its name",
		"process.exit(1)":                                              "error e.config.js:1:13: the file calls process.exit()\nhint leave it out, or throw an Error that says what is wrong",
		"require('fs').writeFileSync('x', 'y')":                        "error e.config.js:1:28: EROFS: the file may read but change nothing: fs.writeFile(\"x\")\nhint take it out: tmpfiles.d makes folders for the app; or let Node evaluate it: --node",
		"require('fs').readFileSync('/etc/passwd')":                    "error e.config.js:1:27: EACCES: /etc/passwd is outside the project, open\nhint the file may read what is below /srv; for more, let Node evaluate it: --node",
		"fetch('http://x')":                                            "error e.config.js:1:6: fetch: there is no network while the file is read\nhint write the value into the file, or let Node evaluate it: --node",
		"require('http').createServer()":                               "error e.config.js:1:29: http.createServer is not there while the file is read\nhint write the value into the file, or let Node evaluate it: --node",
		"require('child_process').execSync('git rev-parse HEAD')":      "error e.config.js:1:34: child_process.execSync(\"git rev-parse HEAD\") starts a program, which a file cannot while it is read\nhint write the revision into the file, or into a variable when you build; or let Node evaluate it: --node",
		"require(7)":                                                   "error e.config.js:1:8: Error: The \"id\" argument must be of type string\nhint the file itself throws this: give it what it asks for",
		"module.exports = async () => { throw new TypeError('late') }": "error e.config.js:1:38: TypeError: late\nhint the file itself throws this: give it what it asks for",
		"module.exports = /x/v":                                        "error e.config.js:1:18: SyntaxError: Invalid flags supplied to RegExp constructor 'v'\nhint write it in a simpler way; if Node itself takes it, let Node evaluate it: --node",
		"new Intl.Locale()":                                            "error e.config.js:1:5: ReferenceError: Intl is not defined\nhint write it in a simpler way; if Node itself takes it, let Node evaluate it: --node",
		"module.exports = Promise.reject('text')":                      "error e.config.js: text\nhint the file itself throws this: give it what it asks for",
		"require('fs').mkdirSync('logs'); module.exports = { name: 'a', script: 'a.js' }": "app a: node /srv/a.js\nnote fs.mkdirSync(\"logs\"): not done, since reading a file changes nothing; the units make the folders of logs",
	} {
		if got := variable(t, "e.config.js", text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestPrinted(t *testing.T) {
	got := variable(t, "e.config.js", "console.log('%s of', 'one', { a: [1] }); console.error('x\\ny'); process.stdout.write('z\\n'); module.exports = { name: 'a', script: 'a.js' }")
	expect(t, got+"\n", "print one of { a: [ 1 ] }", "print x", "print y", "print z", "app a: node /srv/a.js")
}

// TestProject is where a file may read: below .git, else below the topmost
// package.json, else below its own folder.
func TestProject(t *testing.T) {
	const text = "module.exports = { name: require('../../shared').name, script: 'a.js' }"
	for mark, want := range map[string]string{
		"srv/.git/HEAD":          "app far: node /srv/x/app/a.js",
		"srv/package.json":       "app far: node /srv/x/app/a.js",
		"srv/x/app/package.json": "error x/app/e.js:1:33: EACCES: ../../shared is outside the project, open\nhint the file may read what is below /srv/x/app; for more, let Node evaluate it: --node",
		"srv/x/readme":           "error x/app/e.js:1:33: EACCES: ../../shared is outside the project, open\nhint the file may read what is below /srv/x/app; for more, let Node evaluate it: --node",
	} {
		got := read(t, map[string]string{mark: "{}", "srv/shared.js": "exports.name = 'far'", "srv/x/app/e.js": text}, "x/app/e.js", Options{})
		expect(t, got, want)
	}
	// Where the apps will be somewhere else, what is around the file goes along.
	got := read(t, map[string]string{"srv/package.json": "{}", "srv/shared.js": "exports.name = __filename", "srv/x/app/e.js": text}, "x/app/e.js", Options{Root: "/opt/a/b/c"})
	expect(t, got, "app /opt/a/shared.js: node /opt/a/b/c/a.js")
}
