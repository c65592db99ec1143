package ecosystem

import (
	"fmt"
	"strings"
	"time"
)

// appReader turns one entry of the list into an App.
type appReader struct {
	app      App
	source   source
	env      string
	problems []*Problem

	key     string            // the attribute that is being read, as the file writes it
	spelled map[string]string // how the file writes the attributes that it has
	given   given
	pm2     map[string]any
	dotenv  []string
	path    string
	without bool // it has no block for --env
	// deployed are the variables of deploy.<env>, which PM2 puts over env.
	deployed value
}

// given is what attributes say that only mean something together.
type given struct {
	script      string
	interpreter string
	nodeArgs    []string
	mode        string // "cluster", "fork" or "" for whatever PM2 makes of it
	count       *float64
	merge       *bool
	out, err    string
	both        string // log_file
	noLogs      bool
	time        bool
	noAgent     bool // pmx: false
	envInName   bool
	port        string
	base, block []Variable // of env and of the chosen env_ block
	envFiles    []string   // relative to cwd; a minus before the optional ones
	increment   string
	noPort      bool // gopm.listen is false
	loners      bool // instances that share nothing, though they were to
	watch       bool
	ignore      []string // nil: not given
	watchDelay  time.Duration
}

// read reads the app v.
func (a *appReader) read(v value) {
	if v.kind != Object {
		a.problem(v.show()+" is not an app", `write { name: "api", script: "./index.js" }`)
		return
	}
	a.app.Name = v.get("name").text
	a.defaults()
	a.given.watch = v.get("watch").truthy
	a.table(Attributes(), v, "")
	a.blocks(v)
	a.key = ""
	a.finish()
}

// table reads the attributes of v that are in the table rows. The key in a
// message begins with prefix.
func (a *appReader) table(rows []Attribute, v value, prefix string) {
	known := map[string]bool{}
	for _, row := range rows {
		names := row.Spellings()
		for _, name := range names {
			known[name] = true
		}
		found, ok := pick(v, names)
		if !ok {
			continue
		}
		if found.value.kind == String && found.value.text == "" && row.Name != "instances" {
			continue // PM2 takes it for nothing
		}
		a.key = prefix + found.key
		a.spelled[row.Name] = a.key
		a.spelledTwice(v, names, found)
		if checked, ok := a.check(row, found.value); ok {
			if prefix == "" {
				a.keep(row, checked)
			}
			a.attribute(row, checked)
		}
	}
	for _, f := range v.fields {
		block := prefix == "" && strings.HasPrefix(f.key, "env_")
		if known[f.key] || block || f.value.kind == Absent {
			continue
		}
		a.unknown(prefix, f.key, rows)
	}
}

// pick finds an attribute as PM2 does: the first spelling with a truthy value.
// Where all are falsy PM2 drops the keys of two words; here the first one
// counts, since somebody wrote it.
func pick(v value, names []string) (field, bool) {
	var first *field
	for _, name := range names {
		got := v.get(name)
		if got.truthy {
			return field{name, got}, true
		}
		if first == nil && got.kind != Absent {
			first = &field{name, got}
		}
	}
	if first == nil {
		return field{}, false
	}
	return *first, true
}

// spelledTwice notes the spellings that lose against the one that was found.
func (a *appReader) spelledTwice(v value, names []string, found field) {
	for _, name := range names {
		if got := v.get(name); name != found.key && got.kind != Absent && got.json() != found.value.json() {
			a.app.Notes = append(a.app.Notes, Note{name, Refused, "the same attribute as " + found.key + ", which counts, as in PM2"})
		}
	}
}

// attribute applies a checked value, or notes what becomes of it.
func (a *appReader) attribute(row Attribute, v value) {
	switch {
	case row.apply != nil:
		row.apply(a, v)
	case row.With == "watch" && !a.given.watch:
	case row.Default != "" && v.text == row.Default:
	case row.With == "" && !v.truthy && row.Default == "":
	default:
		a.noteOn(row.Name, row.Fate, "%s", row.Note)
	}
}

// unknown notes a key that no table has.
func (a *appReader) unknown(prefix, key string, rows []Attribute) {
	var names []string
	for _, row := range rows {
		names = append(names, row.Spellings()...)
	}
	text := "PM2 drops it silently"
	if prefix != "" {
		text = "gopm has no such key"
	}
	switch near := Nearest(key, names); {
	case prefix == "" && meant[key] != "":
		text += "; " + meant[key]
	case near != "":
		text += "; did you mean " + prefix + near + "?"
	}
	a.app.Notes = append(a.app.Notes, Note{prefix + key, Unknown, text})
}

// note adds a line to the report about the attribute that is being read.
func (a *appReader) note(fate Fate, format string, args ...any) {
	a.noteOn(a.key, fate, format, args...)
}

// noteOn is note for an attribute that was read before.
func (a *appReader) noteOn(key string, fate Fate, format string, args ...any) {
	if spelled := a.spelled[key]; spelled != "" {
		key = spelled
	}
	a.app.Notes = append(a.app.Notes, Note{key, fate, fmt.Sprintf(format, args...)})
}

// problem adds a problem with the attribute that is being read.
func (a *appReader) problem(text, hint string) { a.problemOn(a.key, text, hint) }

func (a *appReader) problemOn(key, text, hint string) {
	if spelled := a.spelled[key]; spelled != "" {
		key = spelled
	}
	a.problems = append(a.problems, &Problem{File: a.source.shown, Place: a.app.Place, App: a.app.Index, Key: key, Text: text, Hint: hint})
}

// problemIn is problem for an element of its list.
func (a *appReader) problemIn(element int, text, hint string) {
	a.problemOn(fmt.Sprintf("%s[%d]", a.key, element), text, hint)
}

// meant are keys that PM2 never had, and what people want who write them.
var meant = map[string]string{
	"health_check":                  "see gopm: { health_check: … }",
	"health_check_grace_period":     "see listen_timeout, and gopm: { health_check: … }",
	"health_check_fatal_exceptions": "see gopm: { health_check: … }",
	"max_old_space_size":            `write node_args: "--max-old-space-size=…"`,
	"log_max_size":                  "logrotate does it, and the journal: SystemMaxUse= of journald.conf",
	"log_rotate_interval":           "logrotate does it, and the journal: SystemMaxUse= of journald.conf",
	"max_log_size":                  "logrotate does it, and the journal: SystemMaxUse= of journald.conf",
	"monitoring":                    "belongs to PM2's monitoring",
	"notify":                        "OnFailure= of systemd calls a unit of yours: systemctl edit APP@.service",
	"depends_on":                    "After= and Wants= of systemd order units: systemctl edit APP.target",
	"restart":                       "see autorestart",
	"environment":                   "did you mean env?",
	"environment_file":              "did you mean env_file, or gopm: { environment_file: … }?",
	"log_date":                      "did you mean log_date_format?",
	"max":                           `did you mean instances: "max"?`,
}
