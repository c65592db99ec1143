package ecosystem

import (
	"errors"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
	"go.yaml.in/yaml/v4"
)

// yaml returns what a YAML file holds, by the schema of the parser that PM2
// uses: YAML 1.2's core schema and times.
func (s *source) yaml(text string) (value, *Problem) {
	if len(text) > largestScript {
		return value{}, &Problem{File: s.shown, Text: "is larger than 1 MiB", Hint: "keep only the apps in it"}
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			_, example := s.subject()
			return value{}, &Problem{File: s.shown, Text: "is empty", Hint: example}
		}
		return value{}, s.yamlProblem(err)
	}
	if err := decoder.Decode(&more); err == nil {
		return value{}, &Problem{File: s.shown, Line: more.Line, Column: 1, Text: "has more than one document", Hint: "put all apps into one list, and take --- away"}
	} else if !errors.Is(err, io.EOF) {
		return value{}, s.yamlProblem(err)
	}
	y := yamlReader{left: largest, vm: goja.New()}
	out, err := y.value(&document, deepest)
	if err != nil {
		var at yamlError
		if errors.As(err, &at) {
			return value{}, &Problem{File: s.shown, Line: at.line, Column: at.column, Text: at.text, Hint: at.hint}
		}
		return value{}, &Problem{File: s.shown, Text: "the document " + err.Error(), Hint: "write plain values: strings, numbers, lists"}
	}
	return out, nil
}

// yamlLine is where the parser says that it is.
var yamlLine = pattern(`line (\d+)(?:, column (\d+))?:? ?`)

// yamlProblem makes a problem of an error of the parser.
func (s *source) yamlProblem(err error) *Problem {
	out := &Problem{File: s.shown, Hint: "look at the indentation and the quotes there and in the line before"}
	text := strings.TrimPrefix(firstLine(err.Error()), "yaml: ")
	if m := yamlLine().FindStringSubmatch(text); m != nil {
		out.Line, _ = strconv.Atoi(m[1])
		out.Column = 1
		if m[2] != "" {
			out.Column, _ = strconv.Atoi(m[2])
		}
		text = strings.Replace(text, m[0], "", 1)
	}
	out.Text = "syntax error: " + oneLine(text)
	return out
}

// yamlError is a mistake at a place.
type yamlError struct {
	line, column int
	text, hint   string
}

func (e yamlError) Error() string { return e.text }

// yamlReader turns nodes into values.
type yamlReader struct {
	left int // values that may still come, aliases counted each time
	vm   *goja.Runtime
}

func (y *yamlReader) value(n *yaml.Node, depth int) (value, error) {
	if y.left--; y.left < 0 {
		return value{}, errLarge
	}
	if depth == 0 {
		return value{}, errDeep
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return value{kind: Absent, text: "null"}, nil
		}
		return y.value(n.Content[0], depth)
	case yaml.AliasNode:
		return y.value(n.Alias, depth-1)
	case yaml.SequenceNode:
		out := value{kind: Array, truthy: true}
		for _, c := range n.Content {
			e, err := y.value(c, depth-1)
			if err != nil {
				return value{}, err
			}
			out.list = append(out.list, e)
		}
		return out, nil
	case yaml.MappingNode:
		return y.mapping(n, depth)
	case yaml.ScalarNode:
		return y.scalar(n)
	}
	return value{kind: Absent, text: "null"}, nil
}

func (y *yamlReader) mapping(n *yaml.Node, depth int) (value, error) {
	out := value{kind: Object, text: "[object Object]", truthy: true}
	own := map[string]int{} // where a key is in fields
	merged := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, content := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style == 0 {
			if err := y.merge(&out, own, merged, content, depth); err != nil {
				return value{}, err
			}
			continue
		}
		k, err := y.value(key, depth-1)
		if err != nil {
			return value{}, err
		}
		if k.kind == Array || k.kind == Object {
			return value{}, yamlError{key.Line, key.Column, "a list or an object is not a key", "write a string"}
		}
		v, err := y.value(content, depth-1)
		if err != nil {
			return value{}, err
		}
		at, twice := own[k.text]
		switch {
		case twice && !merged[k.text]:
			return value{}, yamlError{key.Line, key.Column, quoted(k.text) + " is there twice", "take one of the two away"}
		case twice:
			out.fields[at].value = v
			merged[k.text] = false
		default:
			own[k.text] = len(out.fields)
			out.fields = append(out.fields, field{k.text, v})
		}
	}
	return out, nil
}

// merge adds the keys of a mapping, or of several, that are not there yet.
func (y *yamlReader) merge(out *value, own map[string]int, merged map[string]bool, content *yaml.Node, depth int) error {
	v, err := y.value(content, depth-1)
	if err != nil {
		return err
	}
	for _, from := range v.elements() {
		if from.kind != Object {
			return yamlError{content.Line, content.Column, "<< needs an object to merge", "write an alias such as *defaults"}
		}
		for _, f := range from.fields {
			if _, there := own[f.key]; !there {
				own[f.key] = len(out.fields)
				merged[f.key] = true
				out.fields = append(out.fields, f)
			}
		}
	}
	return nil
}

// Forms of plain scalars.
var (
	yamlInt   = pattern(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|[0-9][0-9_]*)$`)
	yamlFloat = pattern(`^(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlTime  = pattern(`^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::?(\d\d))?))?)?$`)
	yamlDay   = pattern(`^\d{4}-\d\d-\d\d$`)
)

// knownTags are the tags of scalars that the schema has.
var knownTags = map[string]bool{"!!str": true, "!!int": true, "!!float": true, "!!bool": true, "!!null": true, "!!timestamp": true, "!!merge": true}

func (y *yamlReader) scalar(n *yaml.Node) (value, error) {
	text := n.Value
	explicit := n.Style&yaml.TaggedStyle != 0
	if explicit && !knownTags[n.ShortTag()] && n.Tag != "!" {
		return value{}, yamlError{n.Line, n.Column, "unknown tag " + quoted(n.Tag), "take the tag away"}
	}
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if explicit && (n.ShortTag() == "!!str" || n.Tag == "!") || quoted && !explicit {
		return value{kind: String, text: text, truthy: text != ""}, nil
	}
	switch text {
	case "", "~", "null", "Null", "NULL":
		return value{kind: Absent, text: "null"}, nil
	case "true", "True", "TRUE":
		return value{kind: Boolean, text: "true", truthy: true}, nil
	case "false", "False", "FALSE":
		return value{kind: Boolean, text: "false"}, nil
	}
	if f, ok := yamlNumber(text); ok {
		return value{kind: Number, text: y.vm.ToValue(f).String(), number: f, truthy: f != 0 && !math.IsNaN(f)}, nil
	}
	if t, ok := yamlDate(text); ok {
		raw := `"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"`
		return value{kind: Object, text: raw, raw: raw, truthy: true}, nil
	}
	return value{kind: String, text: text, truthy: true}, nil
}

// yamlNumber returns the number that a plain scalar is.
func yamlNumber(text string) (float64, bool) {
	if strings.HasSuffix(text, "_") {
		return 0, false
	}
	digits := strings.ReplaceAll(text, "_", "")
	if yamlInt().MatchString(text) {
		sign := 1.0
		switch digits[0] {
		case '-':
			sign, digits = -1, digits[1:]
		case '+':
			digits = digits[1:]
		}
		base := 10
		if len(digits) > 2 && digits[0] == '0' {
			switch digits[1] {
			case 'b':
				base, digits = 2, digits[2:]
			case 'x':
				base, digits = 16, digits[2:]
			case 'o':
				base, digits = 8, digits[2:]
			}
		}
		n, ok := new(big.Int).SetString(digits, base)
		if !ok {
			return 0, false
		}
		f, _ := new(big.Float).SetInt(n).Float64()
		return sign * f, true
	}
	if !yamlFloat().MatchString(text) {
		return 0, false
	}
	digits = strings.ToLower(digits)
	switch strings.TrimLeft(digits, "+-") {
	case ".inf":
		if digits[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case ".nan":
		return math.NaN(), true
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// yamlDate returns the time that a plain scalar is.
func yamlDate(text string) (time.Time, bool) {
	m := yamlTime().FindStringSubmatch(text)
	if m == nil || m[4] == "" && !yamlDay().MatchString(text) {
		return time.Time{}, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	millis, _ := strconv.Atoi((m[7] + "000")[:3])
	t := time.Date(number(1), time.Month(number(2)), number(3), number(4), number(5), number(6), millis*1e6, time.UTC)
	offset := time.Duration(number(10))*time.Hour + time.Duration(number(11))*time.Minute
	if m[9] == "-" {
		offset = -offset
	}
	return t.Add(-offset), true
}
