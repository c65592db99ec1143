package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopm/gopm/generator/ecosystem"
)

const manuals = "../../packaging/man"

// The attributes in gopm-ecosystem(5) stand between these lines.
const (
	tableBegin = ".\\\" The attributes, from the table: go test ./cmd/gopm-gen -run Manual -update\n"
	tableEnd   = ".\\\" End of the attributes.\n"
)

// TestManualHasTheTable holds the attributes in gopm-ecosystem(5) to the table.
func TestManualHasTheTable(t *testing.T) {
	name := filepath.Join(manuals, "gopm-ecosystem.5")
	page := readFile(t, name)
	before, rest, found := strings.Cut(page, tableBegin)
	got, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s has no lines\n%s%s", name, tableBegin, tableEnd)
	}
	want := manualTable()
	if *update {
		write(t, name, []byte(before+tableBegin+want+tableEnd+after))
		return
	}
	if got != want {
		t.Errorf("%s has\n%s\nwant\n%s", name, got, want)
	}
}

// manualTable is the table in the language of manuals, mdoc(7).
func manualTable() string {
	var b strings.Builder
	for _, section := range ecosystem.Sections() {
		fmt.Fprintf(&b, ".Ss %s\n.Bl -tag -width Ds\n", section.Title)
		for _, row := range section.Rows {
			manualRow(&b, row)
			if row.Name == "gopm" {
				for _, own := range ecosystem.OwnAttributes() {
					own.Name = "gopm." + own.Name
					manualRow(&b, own)
				}
			}
		}
		b.WriteString(".El\n")
	}
	return b.String()
}

// manualRow is one attribute.
func manualRow(b *strings.Builder, row ecosystem.Attribute) {
	fmt.Fprintf(b, ".It Va %s\n", roff(strings.Join(row.Spellings(), " , ")))
	facts := []string{kindsOf(row)}
	if row.HasMin && row.Min > 0 {
		facts = append(facts, "at least "+strconv.FormatFloat(row.Min, 'f', -1, 64))
	}
	if row.With != "" {
		facts = append(facts, "with "+row.With)
	}
	if row.Default != "" {
		facts = append(facts, row.Default+" where absent")
	}
	facts = append(facts, map[ecosystem.Fate]string{
		ecosystem.Mapped: "becomes " + strings.Join(row.Becomes, ", "), ecosystem.BySystemd: "done by systemd",
		ecosystem.Differently: "done differently", ecosystem.Refused: "left out",
	}[row.Fate])
	fmt.Fprintf(b, "%s\n.br\n%s.\n", roff(strings.Join(facts, "; ")), sentences(row.Note))
}

// kindsOf says what an attribute may be.
func kindsOf(row ecosystem.Attribute) string {
	numbers := map[ecosystem.Unit]string{
		ecosystem.Milliseconds: "milliseconds",
		ecosystem.Bytes:        "bytes, or a number with K, M or G",
		ecosystem.Uptime:       "milliseconds, or a number with s, m or h",
	}
	if words := numbers[row.Unit]; words != "" {
		return words
	}
	var out []string
	for _, kind := range row.Kinds {
		out = append(out, map[ecosystem.Kind]string{
			ecosystem.Boolean: "true or false", ecosystem.Number: "number", ecosystem.String: "string",
			ecosystem.Array: "list", ecosystem.Object: "object",
		}[kind])
	}
	return strings.Join(out, ", ")
}

// sentences writes each sentence on a line of its own, as mdoc(7) wants them.
func sentences(text string) string { return strings.ReplaceAll(roff(text), ". ", ".\n") }

// roff writes a line so that roff(7) takes nothing in it for its own.
func roff(line string) string {
	var b strings.Builder
	for i, r := range line {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case i == 0 && (r == '.' || r == '\''):
			b.WriteString(`\&` + string(r))
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// TestManualHasTheFlags holds the options in gopm-gen(1) to those of --help, in
// both directions.
func TestManualHasTheFlags(t *testing.T) {
	page := readFile(t, filepath.Join(manuals, "gopm-gen.1"))
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Fl -([a-z-]+)`).FindAllStringSubmatch(page, -1) {
		got = append(got, "--"+m[1])
	}
	want := sorted(regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(usage, -1))
	if !slices.Equal(sorted(got), want) {
		t.Errorf("gopm-gen(1) has %q\nwant %q", got, want)
	}
}

// TestManualHasTheReport looks in gopm-gen(1) for each key of the JSON.
func TestManualHasTheReport(t *testing.T) {
	_, page, _ := strings.Cut(readFile(t, filepath.Join(manuals, "gopm-gen.1")), ".Sh JSON\n")
	page, _, _ = strings.Cut(page, ".Sh ")
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^\.(?:It )?Va (.*)$`).FindAllStringSubmatch(page, -1) {
		named = append(named, strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(" ,;.", r) })...)
	}
	for _, root := range []reflect.Type{reflect.TypeFor[outcome](), reflect.TypeFor[ecosystem.Problem](), reflect.TypeFor[ecosystem.Attribute]()} {
		for _, key := range jsonKeys(root) {
			if !slices.Contains(named, key) {
				t.Errorf("gopm-gen(1) has no %s, which is in the JSON of %s", key, root)
			}
		}
	}
}

// jsonKeys lists the keys of a type, and of the types in it.
func jsonKeys(in reflect.Type) []string {
	for in.Kind() == reflect.Slice || in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	if in.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for f := range in.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "-" || !f.IsExported() {
			continue
		}
		if key != "" {
			out = append(out, key)
		}
		out = append(out, jsonKeys(f.Type)...)
	}
	return out
}

// TestManualsAreSound asks the program that shows manuals what it thinks of
// ours. It exits 0 on much that is wrong, so every line is a failure.
func TestManualsAreSound(t *testing.T) {
	pages, err := filepath.Glob(manuals + "/*.[1-8]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("find manuals: %v, %d found", err, len(pages))
	}
	for _, page := range pages {
		cmd := exec.CommandContext(t.Context(), "groff", "-mdoc", "-Tutf8", "-ww", "-z", page)
		if _, err := exec.LookPath("mandoc"); err == nil {
			cmd = exec.CommandContext(t.Context(), "mandoc", "-Tlint", "-Wwarning", page)
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil || out.Len() > 0 {
			t.Errorf("%v: %v\n%s", cmd, err, out.String())
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
