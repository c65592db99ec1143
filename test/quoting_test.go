package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/dbus"

	"github.com/gopm/gopm/test/site"
)

// awkward are values that mean something to systemd, or did to somebody's
// quoting.
func awkward() []string {
	return []string{
		`"`, `'`, `\`, `a\`, `a\\`, `\"`, `"a`, `a"`, `'a`, `""`, `''`, `"a b" c`, `\n`, `\x41`, `\u00e9`, `\101`, `\s`, `\ `,
		`$`, `$$`, `$$$`, `$HOME`, `${HOME}`, `$${HOME}`, `a$HOME`, `%`, `%%`, `%%%`, `%n`, `%%n`, `%i`, `%h`, `%z`, `100%`,
		`;`, ` ; `, `;a`, `#`, ` #a`, `#a`, `=`, `A=B`, `[Install]`, `-`, `--`, `-a`, `@`, `+`, `!`, `!!`, `:`, `|`, `~`, `~root`, `*`, `?`, `[a]`, "`id`", `$(id)`, `&`, `<a>`, `(`, `{a,b}`,
		` `, `  `, ` a`, `a `, "\t", "\ta", "a\t", "a\tb", "\n", "\na", "a\n", "a\nb", "\n\n", "a\\\nb", "a\n\\", "a\nExecStart=/bin/false\n", "\n[Service]\nUser=root\n",
		"é", "漢字", "😀", "e\u0301", "\u00a0", "\u00a0a\u00a0", "\u2028", "\u0085", "\ufeff", "\ufeffa", "\u202eabc", "\U0010fffd",
		strings.Repeat("x", 8<<10), strings.Repeat(`"\`, 2<<10), strings.Repeat("%$ ", 2<<10), strings.Repeat("漢", 2<<10),
	}
}

// mixed makes a value of parts that are awkward together.
func mixed(r *rand.Rand) string {
	parts := []string{
		`"`, `'`, `\`, `\\`, `$`, `$$`, `${`, `}`, `%`, `%%`, `%i`, `;`, `#`, ` `, "  ", "\t", "\n", "=", "a", "bc", "0", "é", "漢", "😀", "\u00a0", "\u2028", "\u0085",
		"`", "~", "*", "?", "-", "@", "+", "!", ":", "|", "&", "<", ">", "(", ")", "[", "]", "[Unit]", "{", "/", ".", "..", ",", "A=", "\n[Service]\n", "\nKillMode=none\n", `\x41`, `\n`,
	}
	var b strings.Builder
	for range 1 + r.IntN(12) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

// A teller is an app with awkward values that tells what came through.
type teller struct {
	name, dir, log string
	values         []string
	plain, secret  map[string]string // env; secret by their names
}

// newTeller makes an app of values. Its texts and paths have no line break and
// end in a dot: gopm-gen refuses what systemd would not take there.
func newTeller(index int, values ...string) teller {
	line := short(values[0])
	file := fmt.Sprintf("%d %s.", index, strings.ReplaceAll(line, "/", "|"))
	a := teller{fmt.Sprintf("q%d %s.", index, line), "/srv/quoted/dirs/" + file, "/srv/quoted/logs/" + file, values, map[string]string{}, map[string]string{}}
	for i, v := range values {
		a.plain[fmt.Sprintf("PLAIN_%d", i)] = v
		a.secret[fmt.Sprintf("PASSWORD_%d", i)] = "s" + v
	}
	a.secret["PASSWORD"] = values[0] + "s"
	return a
}

// short makes of a value what fits into the name of a file.
func short(value string) string {
	value = strings.ReplaceAll(value, "\n", "n")
	for len(value) > 150 {
		_, size := utf8.DecodeLastRuneInString(value)
		value = value[:len(value)-size]
	}
	return value
}

// tells writes what a process knows: its folder, its arguments and its
// environment, each with a NUL behind it.
const tells = `printf '%s\0' "$(pwd -P)" "$#" "$@"; cat /proc/$$/environ`

// app is what the ecosystem file says.
func (a teller) app() any {
	env := maps.Clone(a.plain)
	maps.Copy(env, a.secret)
	return map[string]any{
		"name": a.name, "script": "/bin/sh", "interpreter": "none", "args": append([]string{"-c", tells, "sh"}, a.values...),
		"autorestart": false, "cwd": a.dir, "out_file": a.log, "env": env, "user": "root", "gopm": map[string]any{"hardening": false},
	}
}

// A watcher is an app with awkward values, an activator and an update. Nobody
// starts it.
type watcher struct {
	name   string
	values []string
	paths  []string
}

func newWatcher(index int, values ...string) watcher {
	w := watcher{name: fmt.Sprintf("w%d %s.", index, short(values[0])), values: values}
	for i, v := range values {
		// What means something in a glob has its own quoting, and tests of it.
		plain := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/:\*?[]{}!`, r) {
				return '|'
			}
			return r
		}, short(v))
		w.paths = append(w.paths, fmt.Sprintf("/srv/quoted/%d %s", i, plain))
	}
	return w
}

func (w watcher) app() any {
	return map[string]any{
		"name": w.name, "script": "/srv/quoted/a.js", "exec_mode": "fork", "args": w.values, "watch": w.paths,
		"post_update": w.values, "log_date_format": w.values[0], "user": "root", "gopm": map[string]any{"hardening": false},
	}
}

// A loaded unit is what systemd has of one.
type loaded struct {
	properties map[string]any
	// texts are the same, to be compared with those of other units: what only
	// repeats the unit's name is the same for all.
	texts map[string]string
}

// A reader is systemd, which has read units that were made of awkward values.
type reader struct {
	scenario
	systemd  *dbus.Conn
	harmless map[string]loaded // by format: units to compare with
}

// load has systemd load a unit of an app.
func (r reader) load(app, unit string) loaded {
	r.t.Helper()
	all, err := r.systemd.GetAllPropertiesContext(r.t.Context(), unit)
	r.must(err)
	if state := all["LoadState"]; state != "loaded" {
		r.t.Errorf("%s is %v: %v", unit, state, all["LoadError"])
	}
	l := loaded{all, map[string]string{}}
	// A slice's name has its dashes escaped.
	name := strings.NewReplacer(app, "APP", strings.ReplaceAll(app, "-", `\x2d`), "APP")
	for key, value := range all {
		if list, ok := value.([]string); ok {
			slices.Sort(list) // a set has no order
		}
		l.texts[key] = name.Replace(fmt.Sprint(value))
	}
	return l
}

// differs lists the properties that are not those of another unit.
func (l loaded) differs(other loaded) []string {
	var out []string
	for key, text := range l.texts {
		if text != other.texts[key] {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// text is a property of one line.
func (l loaded) text(key string) string { return fmt.Sprint(l.properties[key]) }

// list is a property of many, sorted.
func (l loaded) list(key string) []string {
	list, _ := l.properties[key].([]string)
	return list
}

// commands are those of ExecStart=, as the file has them and not yet as a
// process does: a dollar is doubled there.
func (l loaded) commands() [][]string {
	var out [][]string
	commands, _ := l.properties["ExecStart"].([][]any)
	for _, c := range commands {
		args, _ := c[1].([]string)
		out = append(out, args)
	}
	return out
}

func (l loaded) command() []string { return slices.Concat(l.commands()...) }

func dollars(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, strings.ReplaceAll(w, "$", "$$"))
	}
	return out
}

// assigned lists the variables in a map.
func assigned(variables ...map[string]string) []string {
	var out []string
	for _, m := range variables {
		for name, value := range m {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

// same compares lists, which may hold long values.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %.500q\nwant %.500q", what, got, want)
	}
}

// differing loads a unit of an app, and checks which of its properties are not
// those of the harmless app's. The first app is that one.
func (r reader) differing(app, format string, want ...string) loaded {
	r.t.Helper()
	l := r.load(app, fmt.Sprintf(format, app))
	if harmless, ok := r.harmless[format]; ok {
		same(r.t, l.text("Id")+": what differs", l.differs(harmless), want)
	} else {
		r.harmless[format] = l
	}
	return l
}

// teller checks the units of an app.
func (r reader) teller(a teller, unit string) {
	r.t.Helper()
	target := r.differing(unit, "%s.target", "Description")
	instance := r.differing(unit, "%s@0.service", "Description", "Environment", "ExecStart", "ExecStartEx", "RequiresMountsFor", "WorkingDirectory")
	same(r.t, unit+": texts", []string{target.text("Description"), instance.text("Description"), instance.text("WorkingDirectory")},
		[]string{a.name, a.name + " instance 0", a.dir})
	same(r.t, unit+": ExecStart", instance.command(), dollars(append([]string{"/bin/sh", "-c", tells, "sh"}, a.values...)))
	same(r.t, unit+": Environment", slices.Sorted(slices.Values(instance.list("Environment"))), assigned(a.plain, map[string]string{"NODE_APP_INSTANCE": "0", "pm_id": "0", "name": a.name}))
}

// watcher checks the units of an app.
func (r reader) watcher(w watcher, unit string) {
	r.t.Helper()
	instance := r.differing(unit, "%s@0.service", "Description", "Environment", "ExecStart", "ExecStartEx")
	activator := r.differing(unit, "gopm-activator@%s.service", "Environment")
	update := r.differing(unit, "%s-update.service", "Description", "ExecStart", "ExecStartEx")
	// Those for Go's runtime are in the unit that gopm ships.
	same(r.t, unit+": Environment of the activator", activator.list("Environment"), []string{"GOGC=50", "GOMAXPROCS=1", "GOPM_INSTANCES=1", "GOPM_MODE=fork", "GOPM_WATCH=" + strings.Join(w.paths, ":")})
	same(r.t, unit+": Environment", instance.list("Environment"), []string{"GOPM_LOG_DATE_FORMAT=" + w.values[0], "name=" + w.name})
	words := instance.command()
	same(r.t, unit+": arguments", words[max(len(words)-len(w.values), 0):], dollars(w.values))
	var commands [][]string
	for _, v := range w.values {
		commands = append(commands, dollars([]string{"/bin/sh", "-c", v}))
	}
	if got := update.commands(); !reflect.DeepEqual(got, commands) {
		r.t.Errorf("%s: commands are %.500q, want %.500q", unit, got, commands)
	}
}

// told checks what the process of an app has said.
func (r reader) told(a teller) {
	r.t.Helper()
	said, err := r.ReadFile(a.log)
	r.must(err)
	got := strings.Split(strings.TrimSuffix(said, "\x00"), "\x00")
	want := append([]string{a.dir, strconv.Itoa(len(a.values))}, a.values...)
	variables := got[min(len(want), len(got)):]
	same(r.t, short(a.name)+" said", got[:len(got)-len(variables)], want)
	// systemd adds some of its own.
	variables = slices.DeleteFunc(variables, func(v string) bool {
		return !strings.HasPrefix(v, "PLAIN_") && !strings.HasPrefix(v, "PASSWORD") && !strings.HasPrefix(v, "NODE_")
	})
	slices.Sort(variables)
	same(r.t, short(a.name)+" has", variables, assigned(a.plain, a.secret, map[string]string{"NODE_APP_INSTANCE": "0"}))
}

// TestQuoting has systemd itself read what gopm-gen wrote of awkward values:
// each comes through, in its place and in no other.
func TestQuoting(t *testing.T) {
	// The number is of values that are made at random.
	for debian, randoms := range map[string]int{"": 70, "trixie": 0} {
		t.Run("debian="+debian, func(t *testing.T) { quoting(t, debian, randoms) })
	}
}

func quoting(t *testing.T, debian string, randoms int) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 0))
	// The first of each is harmless.
	tellers, watchers := []teller{newTeller(0, "x", "y", "z")}, []watcher{newWatcher(0, "a", "b", "c", "d", "e", "f", "g", "h")}
	values := awkward()
	for _, v := range values {
		tellers = append(tellers, newTeller(len(tellers), v, "y", "z"+v))
	}
	for range randoms {
		three := []string{mixed(random), mixed(random), mixed(random)}
		tellers = append(tellers, newTeller(len(tellers), three...))
		values = append(values, three...)
	}
	for len(values)%8 != 0 {
		values = append(values, "x")
	}
	for eight := range slices.Chunk(values, 8) {
		watchers = append(watchers, newWatcher(len(watchers), eight...))
	}

	s := boot(t, site.Options{Debian: debian})
	var apps []any
	folders := []string{"-p", "/srv/quoted/logs"}
	for _, a := range tellers {
		apps, folders = append(apps, a.app()), append(folders, a.dir)
	}
	for _, w := range watchers {
		apps = append(apps, w.app())
	}
	text, err := json.Marshal(apps)
	s.must(err)
	s.must(s.WriteFile("/srv/quoted/ecosystem.json", string(text)))
	_, err = s.Run(t.Context(), "mkdir", folders...)
	s.must(err)
	var report struct{ Apps []struct{ Unit string } }
	s.must(json.Unmarshal([]byte(s.shell("gopm-gen --json --output /var/quoted /srv/quoted/ecosystem.json")), &report))
	s.shell("cp -a /var/quoted/usr/lib/systemd/system /etc/systemd/ && cp -a /var/quoted/etc /")
	s.systemctl("daemon-reload")

	systemd, err := s.Systemd()
	s.must(err)
	defer systemd.Close()
	r := reader{s, systemd, map[string]loaded{}}
	var instances []string
	for i, a := range tellers {
		unit := report.Apps[i].Unit
		instances = append(instances, unit+"@0.service")
		r.teller(a, unit)
	}
	r.harmless = map[string]loaded{}
	for i, w := range watchers {
		r.watcher(w, report.Apps[len(tellers)+i].Unit)
	}

	s.systemctl(append([]string{"start"}, instances...)...)
	s.eventually("all have ended", func() bool {
		states := s.systemctl(append([]string{"show", "--value", "--property=ActiveState"}, instances...)...)
		return strings.Count(states, "inactive") == len(instances)
	})
	for _, a := range tellers {
		r.told(a)
	}
}
