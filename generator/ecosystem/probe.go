package ecosystem

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// mostProbes is how many facts are looked at one by one. A file asks for a
// handful; a package in node_modules may ask for many, and for nothing that
// counts.
const mostProbes = 24

// probe finds out what the facts that the file asked for decide: it runs the
// file again with other answers and compares what it exports. It marks the
// numbers that count CPUs.
func (ev evaluation) probe(ctx context.Context, truth *facts, exports value) result {
	p := prober{evaluation: ev, truth: truth, exports: exports, comparands: sync.OnceValue(ev.scripts.comparands)}
	single := truth.asked
	var rest []string
	if len(single) > mostProbes {
		single, rest = single[:mostProbes], single[mostProbes:]
	}
	for i, fact := range single {
		if !p.one(ctx, fact) {
			p.unknown(append(slices.Clone(single[i:]), rest...))
			rest = nil
			break
		}
	}
	if len(rest) > 0 && !p.together(ctx, rest) {
		p.unknown(rest)
	}
	for _, what := range truth.skipped {
		p.note(what, "not done, since reading a file changes nothing; the units make the folders of logs")
	}
	return result{exports: p.exports, facts: p.notes, dotenv: truth.dotenv}
}

// What is said of facts, whatever they decide.
const (
	keepsValue      = "taken from this machine, now; the units keep the value"
	copiesVariables = "the file copies all variables; those of this machine are not in the units, only what the file itself sets"
)

// prober is the work on one file.
type prober struct {
	evaluation
	truth      *facts
	exports    value
	comparands func() []string
	notes      []Note
}

func (p *prober) note(key, text string) {
	p.notes = append(p.notes, Note{Key: key, Fate: Differently, Text: text})
}

// unknown notes facts for which there was no time.
func (p *prober) unknown(list []string) {
	if len(list) > 0 {
		p.note(strings.Join(list, ", "), keepsValue)
	}
}

// run runs the file with other answers. ok is false where there can be no more
// runs.
func (p *prober) run(ctx context.Context, changes map[string]change) (out value, problem *Problem, ok bool) {
	if ctx.Err() != nil {
		return value{}, nil, false
	}
	out, problem, why := p.evaluation.run(ctx, p.truth.with(changes), nil)
	return out, problem, why == nil
}

// one finds out what a fact decides. It returns false where there was no time.
func (p *prober) one(ctx context.Context, fact string) bool {
	switch fact {
	case factCPUs:
		return p.cpus(ctx)
	case factEnviron:
		p.note(fact, copiesVariables)
		return true
	}
	threw := true
	for _, c := range p.changes(fact) {
		out, problem, ok := p.run(ctx, map[string]change{fact: c})
		if !ok {
			return false
		}
		if problem != nil {
			continue
		}
		threw = false
		if list := differences(p.exports, out); len(list) > 0 {
			p.note(fact, p.words(fact, places(list)))
			return true
		}
	}
	if threw {
		p.note(fact, "decides whether the file can be read, as it is on this machine now")
	}
	return true
}

// words says what a fact decides.
func (p *prober) words(fact, what string) string {
	name, variable := strings.CutPrefix(fact, envPrefix)
	_, set := p.truth.host.Environ[name]
	switch {
	case variable && !set:
		return "is not set here: it would decide " + what
	case fact == factArgv:
		return "decides " + what + "; it has no arguments here, and PM2's own under PM2"
	case strings.HasPrefix(fact, existsPrefix):
		return "decides " + what + "; it is outside the project and counts as missing"
	default:
		return "decides " + what + ", as it is on this machine now"
	}
}

// sentinel is a text that nobody expects, and a number too.
const sentinel = "9461"

// changes returns the answers to try in place of the truth.
func (p *prober) changes(fact string) []change {
	texts := []string{sentinel}
	name, variable := strings.CutPrefix(fact, envPrefix)
	var out []change
	switch {
	case fact == factTime, fact == factRandom, strings.HasPrefix(fact, existsPrefix):
		return []change{{}}
	case fact == factPID:
		return []change{{text: sentinel}}
	case fact == factArgv:
		return []change{{text: "start ecosystem.config.js --env production"}, {text: "start ecosystem.config.js --only " + sentinel}}
	case fact == factNetwork:
		return []change{{text: "198.51.100.7"}}
	case strings.HasPrefix(fact, "os.totalmem") || strings.HasPrefix(fact, "os.freemem"):
		return []change{{text: strconv.Itoa(512 << 20)}, {text: strconv.Itoa(1 << 40)}}
	case fact == factHome:
		texts = []string{"/home/" + sentinel}
	case variable:
		if _, set := p.truth.host.Environ[name]; set {
			out = append(out, change{unset: true})
		}
		if name == "NODE_ENV" {
			texts = append(texts, "production", "development")
		}
	}
	for _, text := range append(texts, p.comparands()...) {
		if truth, set := p.truth.host.Environ[name]; !variable || !set || text != truth {
			out = append(out, change{text: text})
		}
	}
	return out
}

// The numbers of CPUs to try: with one, a file may do something else entirely.
const (
	someCPUs = 61
	moreCPUs = 97
	oneCPU   = 1
)

// cpus finds out what the number of CPUs decides.
func (p *prober) cpus(ctx context.Context) bool {
	var trees []value
	var list []string
	for _, n := range []int{someCPUs, moreCPUs, oneCPU} {
		out, problem, ok := p.run(ctx, map[string]change{factCPUs: {text: strconv.Itoa(n)}})
		if !ok {
			return false
		}
		if problem == nil {
			trees = append(trees, out)
		}
	}
	if len(trees) >= 2 {
		markCPUs(&p.exports, trees[0], trees[1])
		p.exports.markInstances(trees[0], trees[1])
	}
	for _, tree := range trees {
		for _, place := range differences(p.exports, tree) {
			if !slices.Contains(list, place) {
				list = append(list, place)
			}
		}
	}
	if len(list) > 0 {
		p.note(factCPUs, p.words(factCPUs, places(list)))
	}
	return true
}

// together changes all the facts of a list at once.
func (p *prober) together(ctx context.Context, list []string) bool {
	changes := map[string]change{}
	for _, fact := range list {
		if fact != factEnviron {
			changes[fact] = p.changes(fact)[0]
		}
		if fact == factCPUs {
			changes[fact] = change{text: strconv.Itoa(someCPUs)}
		}
	}
	out, problem, ok := p.run(ctx, changes)
	if !ok {
		return false
	}
	if problem != nil {
		p.note(fmt.Sprintf("%s and %d more", list[0], len(list)-1), "decide whether the file can be read, as they are on this machine now")
	} else if found := differences(p.exports, out); len(found) > 0 {
		p.note(fmt.Sprintf("%s and %d more", list[0], len(list)-1), "decide "+places(found)+", as they are on this machine now")
	}
	return true
}

// mostComparands is how many texts of a file are tried as answers.
const mostComparands = 6

// comparand is a text that a script compares something with.
var comparand = pattern(`(?:[=!]==?\s*|\bcase\s+)(?:'([^'\n\\]{1,40})'|"([^"\n\\]{1,40})")|(?:'([^'\n\\]{1,40})'|"([^"\n\\]{1,40})")\s*[=!]==?`)

// comparands returns the texts that the user's own scripts compare with: a fact
// may decide something only where it is one of them.
func (s *scripts) comparands() []string {
	var names, out []string
	for name := range s.compiled {
		if strings.HasPrefix(name, "/") && !strings.Contains(name, "/node_modules/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, m := range comparand().FindAllStringSubmatch(s.compiled[name].text, -1) {
			text := m[1] + m[2] + m[3] + m[4]
			if !slices.Contains(out, text) && len(out) < mostComparands {
				out = append(out, text)
			}
		}
	}
	return out
}
