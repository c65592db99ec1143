package ecosystem

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// Names of the facts that are not variables.
const (
	factCPUs     = "os.cpus()"
	factHostname = "os.hostname()"
	factHome     = "os.homedir()"
	factUser     = "os.userInfo()"
	factNetwork  = "os.networkInterfaces()"
	factPID      = "process.pid"
	factArgv     = "process.argv"
	factTime     = "new Date()"
	factRandom   = "Math.random()"
	factEnviron  = "process.env"
	envPrefix    = "process.env."
	existsPrefix = "fs.existsSync("
	memoryTotal  = "os.totalmem()"
)

// facts answers what a file asks of the machine, and remembers the questions.
// All runs of a file get the same answers, the time and chance included, save
// for the facts that change says.
type facts struct {
	host  Host
	begin time.Time
	seed  uint64
	ahead func() time.Duration // of the run's own clock

	asked   []string          // each once, in order
	skipped []string          // what the file would have changed, each once, in order
	dotenv  []string          // files that dotenv put into process.env, in order
	change  map[string]change // what this run is told in place of the truth

	source *rand.Rand
	ticks  int
}

// change is another answer than the truth.
type change struct {
	text  string
	unset bool // of a variable: it is not there
}

func newFacts(host Host) *facts {
	begin := time.Now()
	if host.Now != nil {
		begin = host.Now()
	}
	return (&facts{host: host, begin: begin, seed: rand.Uint64()}).with(nil)
}

// with returns the same facts for another run, some of them changed.
func (f *facts) with(change map[string]change) *facts {
	out := &facts{host: f.host, begin: f.begin, seed: f.seed, change: change}
	seed := f.seed
	if _, other := change[factRandom]; other {
		seed++
	}
	out.source = rand.New(rand.NewPCG(seed, seed))
	return out
}

// ask remembers a question and returns what is said in place of the truth.
func (f *facts) ask(name string) (change, bool) {
	if !slices.Contains(f.asked, name) {
		f.asked = append(f.asked, name)
	}
	c, ok := f.change[name]
	return c, ok
}

// string answers with a text.
func (f *facts) string(name, truth string) string {
	if c, ok := f.ask(name); ok {
		return c.text
	}
	return truth
}

// int answers with a number.
func (f *facts) int(name string, truth int) int {
	if c, ok := f.ask(name); ok {
		n, _ := strconv.Atoi(c.text)
		return n
	}
	return truth
}

func (f *facts) cpus() int                { return f.int(factCPUs, f.host.CPUs) }
func (f *facts) hostname() string         { return f.string(factHostname, f.host.Hostname) }
func (f *facts) home() string             { return f.string(factHome, f.host.Home) }
func (f *facts) user() string             { return f.string(factUser, f.host.User) }
func (f *facts) uid() int                 { return f.int(factUser, f.host.UID) }
func (f *facts) pid() int                 { return f.int(factPID, 4242) }
func (f *facts) memory(name string) int64 { return int64(f.int(name, int(f.host.Memory))) }

// exists answers for a file outside of the project, where a file cannot look.
func (f *facts) exists(name string) bool {
	_, changed := f.ask(existsPrefix + strconv.Quote(name) + ")")
	return changed
}

// skip remembers a change that was left undone.
func (f *facts) skip(what string) {
	if !slices.Contains(f.skipped, what) {
		f.skipped = append(f.skipped, what)
	}
}

// clock is the time of the run. It goes on a millisecond with each question,
// so that loops that wait come to an end and two runs see the same.
func (f *facts) clock() time.Time {
	f.ticks++
	out := f.begin.Add(time.Duration(f.ticks-1) * time.Millisecond)
	if f.ahead != nil {
		out = out.Add(f.ahead())
	}
	return out
}

// now is Date.now().
func (f *facts) now() time.Time {
	out := f.clock()
	if _, changed := f.ask(factTime); changed {
		const otherDay = 400*24*time.Hour + 7*time.Hour + 13*time.Minute
		out = out.Add(otherDay)
	}
	return out
}

// random is Math.random().
func (f *facts) random() float64 {
	f.ask(factRandom)
	return f.source.Float64()
}

// argv is process.argv. PM2's own arguments stand there under PM2.
func (f *facts) argv(file string) []string {
	out := []string{"/usr/bin/node", file}
	if c, changed := f.ask(factArgv); changed {
		out = append(out, strings.Fields(c.text)...)
	}
	return out
}

// interfaces is os.networkInterfaces().
func (f *facts) interfaces() map[string]any {
	var list []Address
	if f.host.Addresses != nil {
		list = f.host.Addresses()
	}
	if c, changed := f.ask(factNetwork); changed {
		list = []Address{{Interface: "lo", IP: "127.0.0.1", Internal: true}, {Interface: "probe0", IP: c.text}}
	}
	out := map[string]any{}
	for _, a := range list {
		family := "IPv4"
		if a.IPv6 {
			family = "IPv6"
		}
		of, _ := out[a.Interface].([]any)
		out[a.Interface] = append(of, map[string]any{"address": a.IP, "family": family, "internal": a.Internal, "mac": a.MAC, "netmask": "", "cidr": nil})
	}
	return out
}

// variable answers what a variable of the environment is.
func (f *facts) variable(name string) (text string, set bool) {
	if c, changed := f.ask(envPrefix + name); changed {
		return c.text, !c.unset
	}
	text, set = f.host.Environ[name]
	return text, set
}

// environment is process.env: what a file reads from it is a fact, and what it
// writes to it stays with the file.
type environment struct {
	vm      *goja.Runtime
	facts   *facts
	own     map[string]goja.Value
	names   []string // of own, in the order in which they were set
	deleted map[string]bool
}

// Get returns a variable, or nil where there is none.
func (e *environment) Get(key string) goja.Value {
	if v, ok := e.own[key]; ok {
		return v
	}
	if e.deleted[key] || notVariable(key) {
		return nil
	}
	if text, set := e.facts.variable(key); set {
		return e.vm.ToValue(text)
	}
	return nil
}

// notVariable reports whether a key is asked for by the engine itself, or by a
// package that looks whether process.env is something else.
func notVariable(key string) bool {
	switch key {
	case "toJSON", "toString", "valueOf", "constructor", "then", "hasOwnProperty", "inspect", "__esModule", "length":
		return true
	}
	return false
}

// Set changes a variable for the file alone, into a string as in Node.
func (e *environment) Set(key string, v goja.Value) bool {
	if e.own == nil {
		e.own = map[string]goja.Value{}
	}
	if _, ok := e.own[key]; !ok {
		e.names = append(e.names, key)
	}
	e.own[key] = e.vm.ToValue(v.String())
	return true
}

// Has reports whether a variable is set.
func (e *environment) Has(key string) bool {
	return e.Get(key) != nil
}

// silentlyHas is Has for dotenv: that the machine's variables go before those
// of the file is not the ecosystem file's own question.
func (e *environment) silentlyHas(key string) bool {
	if _, ok := e.own[key]; ok {
		return true
	}
	if e.deleted[key] {
		return false
	}
	_, set := e.facts.host.Environ[key]
	if c, changed := e.facts.change[envPrefix+key]; changed {
		set = !c.unset
	}
	return set
}

// Delete removes a variable for the file alone.
func (e *environment) Delete(key string) bool {
	if e.deleted == nil {
		e.deleted = map[string]bool{}
	}
	delete(e.own, key)
	e.names = slices.DeleteFunc(e.names, func(name string) bool { return name == key })
	e.deleted[key] = true
	return true
}

// Keys returns the names of the variables that the file itself set. The others
// belong to whoever converts the file, and not into units.
func (e *environment) Keys() []string {
	e.facts.ask(factEnviron)
	return slices.Clone(e.names)
}
