package ecosystem

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/gopm/gopm/generator/secret"
)

// check refuses a value of the wrong kind and returns the one to go on with: a
// string that is a number counts as a number, as in PM2.
func (a *appReader) check(row Attribute, v value) (value, bool) {
	if v.kind == String && slices.Contains(row.Kinds, Number) {
		if n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			v = value{kind: Number, text: strings.TrimSpace(v.text), number: n, truthy: v.truthy}
		}
	}
	wrong := !slices.Contains(row.Kinds, v.kind) || v.kind == Number && (math.IsNaN(v.number) || math.IsInf(v.number, 0))
	if v.kind == String && (row.Unit == Bytes && !size().MatchString(v.text) || row.Unit == Uptime && !uptime().MatchString(v.text)) {
		wrong = true
	}
	if row.Unit == Bytes && v.kind == Number && v.number < 0 {
		wrong = true
	}
	if wrong {
		a.problem(v.show()+" is not "+noun(row), hint(row, v))
		return value{}, false
	}
	if row.HasMin && v.kind == Number && v.number < row.Min && !(v.number == 0 && row.Unit == Uptime) {
		least := strconv.FormatFloat(row.Min, 'f', -1, 64)
		a.problem(v.show()+" is less than "+least, "write "+least+" or more")
		return value{}, false
	}
	return v, a.plain(a.key, v)
}

// plain refuses strings with control characters, wherever they are inside v: no
// unit can hold them. A line break is no such character: a quoted word has it.
func (a *appReader) plain(key string, v value) bool {
	switch v.kind {
	case String:
		return a.text(key, v.text)
	case Array:
		ok := true
		for i, e := range v.list {
			ok = a.plain(key+"["+strconv.Itoa(i)+"]", e) && ok
		}
		return ok
	case Object:
		ok := true
		for _, f := range v.fields {
			ok = a.text(key, f.key) && a.plain(key+"."+f.key, f.value) && ok
		}
		return ok
	}
	return true
}

func (a *appReader) text(key, s string) bool {
	at := strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f })
	if at < 0 {
		return true
	}
	what := quoted(s) + " "
	if row, _, _ := strings.Cut(key, "."); strings.HasPrefix(row, "env") || row == "deploy" || secret.Is(key, s) {
		what = "" // a message may end in the log of a build
	}
	a.problemOn(key, what+"has a control character, which a unit cannot hold", "take it out, or let the app read it from a file")
	return false
}

// Forms of PM2: base 1024, and milliseconds where no letter follows.
var (
	size   = pattern(`^\d+[GMK]?$`)
	uptime = pattern(`^\d+[hms]?$`)
)

// bytes returns what a checked size means.
func (v value) bytes() int64 {
	if v.kind == Number {
		return int64(v.number)
	}
	n, factor := strings.TrimRight(v.text, "GMK"), 1.0
	switch v.text[len(v.text)-1] {
	case 'G':
		factor = 1 << 30
	case 'M':
		factor = 1 << 20
	case 'K':
		factor = 1 << 10
	}
	f, err := strconv.ParseFloat(n, 64)
	if err != nil || f*factor > math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return int64(f * factor)
}

// duration returns what a checked time means.
func (v value) duration() time.Duration {
	n, unit := v.number, time.Millisecond
	if v.kind == String {
		digits := strings.TrimRight(v.text, "hms")
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return longestSpan
		}
		n = f
		switch v.text[len(v.text)-1] {
		case 'h':
			unit = time.Hour
		case 'm':
			unit = time.Minute
		case 's':
			unit = time.Second
		}
	}
	if n*float64(unit) > float64(longestSpan) {
		return longestSpan
	}
	return time.Duration(n * float64(unit)).Round(time.Millisecond)
}

// longestSpan is what any longer time counts as; ten years are as good as never.
const longestSpan = 10 * 365 * 24 * time.Hour

// noun says what a value of the attribute is, after "is not".
func noun(row Attribute) string {
	switch row.Unit {
	case Bytes:
		return "a size"
	case Uptime:
		return "a time"
	case Milliseconds:
		return "a number of milliseconds"
	}
	names := map[Kind]string{Boolean: "true or false", Number: "a number", String: "a string", Array: "a list", Object: "an object"}
	var parts []string
	for _, k := range row.Kinds {
		parts = append(parts, names[k])
	}
	return strings.Join(parts, " or ")
}

// measure is a number with a unit as people write it.
var measure = pattern(`(?i)^\s*(\d+(?:\.\d+)?)\s*(ms|s|sec|seconds?|m|min|minutes?|h|hours?|[kmg]i?b?)?\s*$`)

// hint says what to write instead of a value of the wrong kind.
func hint(row Attribute, v value) string {
	number, unit := 0.0, ""
	if m := measure().FindStringSubmatch(v.text); v.kind == String && m != nil {
		number, _ = strconv.ParseFloat(m[1], 64)
		unit = strings.ToLower(m[2])
	}
	switch row.Unit {
	case Bytes:
		return "write " + quoted(sizeFor(number, unit))
	case Uptime:
		if unit == "ms" {
			return "write " + strconv.FormatFloat(math.Ceil(number), 'f', 0, 64) + ", in milliseconds"
		}
		return `write milliseconds, such as 5000, or "5s", "2m", "1h"`
	case Milliseconds:
		if number > 0 {
			return "write " + strconv.FormatFloat(math.Ceil(number*milliseconds(unit)), 'f', 0, 64)
		}
		return "write milliseconds without quotes, such as 3000"
	}
	switch row.Kinds[0] {
	case Boolean:
		switch v.text {
		case "true", "1":
			return "write true, without quotes"
		case "false", "0":
			return "write false, without quotes"
		}
		return "write true or false"
	case Number:
		return "write a number"
	case String:
		if v.kind == Number || v.kind == Boolean {
			return "write " + quoted(v.text)
		}
		return "write a string in quotes"
	case Array:
		if v.kind == String && len(row.Kinds) == 1 {
			return "write [" + quoted(v.text) + "]"
		}
		return "write a list of strings in [ ]"
	default:
		return "write { … }"
	}
}

// sizeFor returns the size that PM2 takes and somebody meant.
func sizeFor(number float64, unit string) string {
	letters := map[byte]string{'k': "K", 'm': "M", 'g': "G"}
	letter := ""
	if unit != "" {
		letter = letters[unit[0]]
	}
	if number <= 0 || letter == "" {
		return "300M"
	}
	smaller := map[string]string{"G": "M", "M": "K", "K": ""}
	for number != math.Trunc(number) && letter != "" {
		number, letter = number*1024, smaller[letter]
	}
	return strconv.FormatFloat(math.Ceil(number), 'f', 0, 64) + letter
}

// milliseconds returns how many a unit of time has.
func milliseconds(unit string) float64 {
	switch {
	case unit == "ms" || unit == "":
		return 1
	case unit[0] == 'h':
		return 3_600_000
	case unit[0] == 'm':
		return 60_000
	default:
		return 1000
	}
}

// Nearest returns the name that somebody who wrote key may have meant, or "".
func Nearest(key string, names []string) string {
	best, score := "", 0.0
	for _, name := range names {
		if s := levenshtein.Match(key, name, nil); s > score {
			best, score = name, s
		}
	}
	// Below this, the two words have little more than their length in common.
	const alike = 0.6
	if score < alike {
		return ""
	}
	return best
}
