package ecosystem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
)

// evaluator is the script that Node runs.
const evaluator = "modules/evaluate.mjs"

// noNode is what to do where there is no Node.
const noNode = "install Node, or leave --node away: gopm-gen evaluates most files itself"

// evaluateWithNode lets the machine's own Node evaluate the file, by Node's own
// rules for what is a module and what is not.
func (s *source) evaluateWithNode(ctx context.Context, host Host, opt Options) (result, *Problem) {
	if host.RunNode == nil {
		return result{}, &Problem{File: s.shown, Text: "there is no node in PATH", Hint: noNode}
	}
	limit := opt.Limit
	if limit == 0 {
		limit = NodeLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n := nodeRun{source: s, host: host, limits: bounds{limit: limit}}
	exports, asked, problem := n.run(ctx, 0, host.Print)
	if problem != nil {
		return result{}, problem
	}
	out := result{exports: exports, facts: []Note{{"--node", Differently, "what the file takes from this machine is not looked for; the units keep it"}}}
	if slices.Contains(asked, factEnviron) {
		out.facts = append(out.facts, Note{factEnviron, Differently, copiesVariables})
	}
	if slices.Contains(asked, factCPUs) {
		n.cpus(ctx, &out)
	}
	return out, nil
}

// nodeRun is the work on one file.
type nodeRun struct {
	source *source
	host   Host
	limits bounds
}

// cpus marks the numbers that count CPUs and notes what else the CPUs decide.
func (n nodeRun) cpus(ctx context.Context, out *result) {
	var trees []value
	for _, count := range []int{someCPUs, moreCPUs} {
		tree, _, problem := n.run(ctx, count, nil)
		if problem != nil {
			out.facts = append(out.facts, Note{factCPUs, Differently, keepsValue})
			return
		}
		trees = append(trees, tree)
	}
	markCPUs(&out.exports, trees[0], trees[1])
	out.exports.markInstances(trees[0], trees[1])
	if list := differences(out.exports, trees[0]); len(list) > 0 {
		out.facts = append(out.facts, Note{factCPUs, Differently, "decides " + places(list) + ", as it is on this machine now"})
	}
}

// answer is what the evaluator prints.
type answer struct {
	Value nodeValue `json:"value"`
	Error *string   `json:"error"`
	Odd   bool      `json:"odd"` // the error is one of the exported value
	Stack string    `json:"stack"`
	Asked []string  `json:"asked"`
}

// run runs the file once. With cpus, the machine has that many.
func (n nodeRun) run(ctx context.Context, cpus int, print func(string)) (value, []string, *Problem) {
	script, err := moduleFiles.ReadFile(evaluator)
	if err != nil {
		return value{}, nil, &Problem{File: n.source.shown, Text: err.Error(), Hint: noNode}
	}
	marker := fmt.Sprintf("gopm-%016x", rand.Uint64())
	changes := fmt.Sprintf(`{"cpus":%d}`, cpus)
	name := path.Join(n.source.home, n.source.base)
	out, err := n.host.RunNode(ctx, string(script), []string{name, marker, changes}, n.source.home)
	if print != nil {
		for line := range strings.Lines(string(out.Stderr)) {
			print(strings.TrimRight(line, "\r\n"))
		}
	}
	if ctx.Err() != nil {
		return value{}, nil, evaluation{source: n.source, bounds: n.limits}.stopped(ctx.Err())
	}
	if err != nil {
		return value{}, nil, &Problem{File: n.source.shown, Text: "run node: " + oneLine(err.Error()), Hint: noNode}
	}
	parts := bytes.Split(out.Stdout, []byte(marker))
	var got answer
	if len(parts) != 3 || json.Unmarshal(parts[1], &got) != nil {
		return value{}, nil, n.silent(out)
	}
	if got.Error != nil {
		return value{}, nil, n.problem(got)
	}
	tree, err := n.source.tree(got.Value)
	if err != nil {
		return value{}, nil, &Problem{File: n.source.shown, Text: "node printed what is no tree: " + err.Error(), Hint: noNode}
	}
	return tree, got.Asked, nil
}

// unsettled is Node's exit code where a promise is left over.
const unsettled = 13

// silent is the problem of a Node that ended without an answer.
func (n nodeRun) silent(out NodeOutput) *Problem {
	if out.Exit == unsettled {
		return &Problem{File: n.source.shown, Text: "module.exports waits for a promise that is never settled", Hint: "resolve it with the apps, or export them directly"}
	}
	text := fmt.Sprintf("node ended with exit code %d before the file had exported its apps", out.Exit)
	if last := lastLine(string(out.Stderr)); last != "" {
		text += ": " + last
	}
	return &Problem{File: n.source.shown, Text: text, Hint: "take process.exit() out of the file, or mend what it says"}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return oneLine(lines[len(lines)-1])
}

// nodePlace is a place in the text of a stack of Node's.
var nodePlace = pattern(`(?:file://)?(/[^\s():]+):(\d+)(?::(\d+))?`)

// problem makes a problem of what the file threw.
func (n nodeRun) problem(got answer) *Problem {
	out := &Problem{File: n.source.shown, Text: oneLine(*got.Error), Hint: "the file itself throws this: give it what it asks for"}
	if got.Odd {
		return &Problem{File: n.source.shown, Text: "module.exports " + out.Text, Hint: "export plain objects: strings, numbers, lists"}
	}
	for _, m := range nodePlace().FindAllStringSubmatch(got.Stack, -1) {
		if _, ours := below(m[1], n.source.home); !ours {
			continue
		}
		out.File = n.source.show(n.source.then(m[1]))
		out.Line, _ = strconv.Atoi(m[2])
		out.Column = 1
		if m[3] != "" {
			out.Column, _ = strconv.Atoi(m[3])
		}
		break
	}
	return out
}

// nodeValue is a value as the evaluator prints it.
type nodeValue struct {
	Type   string      `json:"type"`
	Text   string      `json:"text"`
	List   []nodeValue `json:"list"`
	Fields []struct {
		Key   string    `json:"key"`
		Value nodeValue `json:"value"`
	} `json:"fields"`
}

// tree returns a value of Node's as ours. Node saw the file where it is now, so
// paths are moved to where it will be.
func (s *source) tree(v nodeValue) (value, error) {
	switch v.Type {
	case "undefined", "null":
		return value{kind: Absent, text: v.Type}, nil
	case "boolean":
		return value{kind: Boolean, text: v.Text, truthy: v.Text == "true"}, nil
	case "number":
		n, err := strconv.ParseFloat(v.Text, 64)
		return value{kind: Number, text: v.Text, number: n, truthy: n != 0 && !math.IsNaN(n)}, err
	case "string":
		text := s.moved(v.Text)
		return value{kind: String, text: text, truthy: text != ""}, nil
	case "date":
		return value{kind: Object, text: v.Text, raw: v.Text, truthy: true}, nil
	case "other":
		return value{kind: Other, text: v.Text, truthy: true}, nil
	case "array":
		out := value{kind: Array, truthy: true}
		for _, e := range v.List {
			e, err := s.tree(e)
			if err != nil {
				return value{}, err
			}
			out.list = append(out.list, e)
		}
		return out, nil
	case "object":
		out := value{kind: Object, text: "[object Object]", truthy: true}
		for _, f := range v.Fields {
			e, err := s.tree(f.Value)
			if err != nil {
				return value{}, err
			}
			out.fields = append(out.fields, field{f.Key, e})
		}
		return out, nil
	}
	return value{}, errors.New("unknown type " + quoted(v.Type))
}
