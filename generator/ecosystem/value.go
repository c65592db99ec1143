package ecosystem

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// Kind is the JavaScript type of a value, named as an error message names it.
type Kind string

// The kinds that the table of attributes tells apart.
const (
	Absent  Kind = "nothing" // undefined and null
	Boolean Kind = "boolean"
	Number  Kind = "number"
	String  Kind = "string"
	Array   Kind = "array"
	Object  Kind = "object"
	Other   Kind = "other" // functions, dates, promises …
)

// value is a JavaScript value, detached from the engine that made it.
type value struct {
	kind   Kind
	text   string  // what String(v) gives; for Other the class, such as "Function"
	number float64 // of a Number
	truthy bool
	list   []value // of an Array
	fields []field // of an Object, in the order of the file
	cpus   *int    // the number is the CPUs of this machine plus this
	raw    string  // what JSON.stringify makes of an Object that is none, such as a date
}

// field is one property of an object.
type field struct {
	key   string
	value value
}

// get returns the property key, or an absent value.
func (v value) get(key string) value {
	for _, f := range v.fields {
		if f.key == key {
			return f.value
		}
	}
	return value{kind: Absent, text: "undefined"}
}

// elements returns those of an array; any other value is its own only one.
func (v value) elements() []value {
	if v.kind == Array {
		return v.list
	}
	return []value{v}
}

// show returns v as an error message quotes it.
func (v value) show() string {
	switch v.kind {
	case String:
		return quoted(v.text)
	case Array:
		return "an array"
	case Object:
		if v.raw != "" {
			return "a date"
		}
		return "an object"
	case Other:
		return "a " + strings.ToLower(v.text)
	default:
		return v.text
	}
}

// quoted returns s in double quotes with control characters spelled out, and
// cut where nobody reads on.
func quoted(s string) string {
	const enough = 60
	if utf8.RuneCountInString(s) > enough {
		s = string([]rune(s)[:enough]) + "…"
	}
	return jsonString(s)
}

// json returns v as JSON.stringify would.
func (v value) json() string {
	switch v.kind {
	case Array:
		parts := make([]string, len(v.list))
		for i, e := range v.list {
			parts[i] = e.json()
		}
		return "[" + strings.Join(parts, ",") + "]"
	case Object:
		if v.raw != "" {
			return v.raw
		}
		var parts []string
		for _, f := range v.fields {
			if f.value.text == "undefined" && f.value.kind == Absent || f.value.kind == Other {
				continue
			}
			parts = append(parts, jsonString(f.key)+":"+f.value.json())
		}
		return "{" + strings.Join(parts, ",") + "}"
	case String:
		return jsonString(v.text)
	case Boolean:
		return v.text
	case Number:
		if v.text == "NaN" || strings.HasSuffix(v.text, "Infinity") {
			return "null"
		}
		return v.text
	default:
		return "null"
	}
}

// jsonString returns s as a JSON string without the escapes that only HTML needs.
func jsonString(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Bounds of a detached value: an ecosystem file is a page of text, and these
// end a structure that contains itself.
const (
	deepest = 32
	largest = 100_000
)

var (
	errDeep  = errors.New("is nested too deep, or contains itself")
	errLarge = errors.New("has too many values")
)

// detach copies a value out of the engine. It runs getters, so it belongs
// inside the time limit of the file.
func detach(v goja.Value) (value, error) {
	left := largest
	return detachWithin(v, deepest, &left)
}

func detachWithin(v goja.Value, depth int, left *int) (value, error) {
	if *left--; *left < 0 {
		return value{}, errLarge
	}
	if depth == 0 {
		return value{}, errDeep
	}
	switch {
	case v == nil || goja.IsUndefined(v):
		return value{kind: Absent, text: "undefined"}, nil
	case goja.IsNull(v):
		return value{kind: Absent, text: "null"}, nil
	}
	o, isObject := v.(*goja.Object)
	if !isObject {
		return scalar(v), nil
	}
	switch class := o.ClassName(); class {
	case "Array":
		return detachArray(o, depth, left)
	case "Object":
		out := value{kind: Object, text: "[object Object]", truthy: true}
		for _, key := range o.Keys() {
			e, err := detachWithin(o.Get(key), depth-1, left)
			if err != nil {
				return value{}, err
			}
			out.fields = append(out.fields, field{key, e})
		}
		return out, nil
	case "Date":
		text, err := stringify(o)
		if err != nil {
			return value{}, err
		}
		return value{kind: Object, text: text, raw: text, truthy: true}, nil
	default:
		return value{kind: Other, text: class, truthy: true}, nil
	}
}

// stringify returns what JSON.stringify makes of a date.
func stringify(date *goja.Object) (string, error) {
	b, err := date.MarshalJSON()
	return string(b), err
}

func detachArray(o *goja.Object, depth int, left *int) (value, error) {
	n := o.Get("length").ToInteger()
	// An array can be long without holding anything: new Array(1e9).
	if n > int64(*left) {
		return value{}, errLarge
	}
	out := value{kind: Array, truthy: true}
	for i := range n {
		e, err := detachWithin(o.Get(strconv.FormatInt(i, 10)), depth-1, left)
		if err != nil {
			return value{}, err
		}
		out.list = append(out.list, e)
	}
	return out, nil
}

func scalar(v goja.Value) value {
	out := value{text: v.String(), truthy: v.ToBoolean()}
	switch v.Export().(type) {
	case bool:
		out.kind = Boolean
	case int64, float64:
		out.kind, out.number = Number, v.ToFloat()
	case string:
		out.kind = String
	default:
		out.kind, out.text = Other, "Symbol"
	}
	return out
}
