package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
)

// TestEveryAttributeIsConverted holds the table against the archives: a key is
// in the input of one that succeeds, and what the table says it becomes is in
// the units there.
func TestEveryAttributeIsConverted(t *testing.T) {
	all := conversions(t)
	for _, row := range allRows() {
		key := spelled(row)
		// A mapped key needs each of its directives in some archive with the key;
		// of the others it is enough that they are told apart from unknown ones.
		missing := slices.Clone(row.Becomes)
		found := false
		for _, c := range all {
			if c.exit != exitOK || !slices.ContainsFunc(c.inputs, func(f txtar.File) bool { return key.Match(f.Data) }) {
				continue
			}
			found = true
			missing = slices.DeleteFunc(missing, func(directive string) bool { return c.has(directive) })
		}
		if !found && row.Fate == ecosystem.Mapped {
			t.Errorf("no archive has %s", row.Name)
		}
		if len(missing) > 0 {
			t.Errorf("%s becomes %q in no archive that has it", row.Name, missing)
		}
	}
}

// TestEveryDirectiveIsInTheTable is the other way round: a directive that
// depends on what a file says is one that the table names.
func TestEveryDirectiveIsInTheTable(t *testing.T) {
	text := ""
	for _, row := range allRows() {
		text += strings.Join(row.Becomes, "\n") + "\n"
	}
	for _, name := range []string{
		"Environment=", "ExecStart=", "ExecStop=", "Group=", "ListenStream=", "Restart=", "RestartSec=", "StandardError=", "StandardOutput=",
		"StartLimitBurst=", "StartLimitIntervalSec=", "TimeoutStartSec=", "TimeoutStopSec=", "User=", "Wants=", "WorkingDirectory=",
		"GOPM_INSTANCES=", "GOPM_LOG_DATE_FORMAT=", "GOPM_MEMORY_LIMIT=", "GOPM_WAIT_READY=",
	} {
		if !strings.Contains(text, name) {
			t.Errorf("no attribute becomes %s", name)
		}
	}
}

// TestAttributesPrintsAll holds both forms of the printed table to the table.
func TestAttributesPrintsAll(t *testing.T) {
	var text, asJSON, stderr bytes.Buffer
	if exit := (command{stdout: &text, stderr: &stderr}).run(t.Context(), []string{"attributes"}); exit != exitOK {
		t.Fatal(stderr.String())
	}
	if exit := (command{stdout: &asJSON, stderr: &stderr}).run(t.Context(), []string{"attributes", "--json"}); exit != exitOK {
		t.Fatal(stderr.String())
	}
	var printed []struct {
		Name, Note string
		Fate       ecosystem.Fate
		Aliases    []string
	}
	if err := json.Unmarshal(asJSON.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	rows := allRows()
	if len(printed) != len(rows) {
		t.Fatalf("%d rows, want %d", len(printed), len(rows))
	}
	for i, row := range rows {
		if p := printed[i]; p.Name != row.Name || p.Note != row.Note || p.Fate != row.Fate || !slices.Equal(p.Aliases, row.Aliases) {
			t.Errorf("got %+v, want %+v", p, row)
		}
		want := strings.Join(row.Spellings(), ", ") + ": " + string(row.Fate) + "\n"
		if !strings.Contains("\n"+text.String(), "\n"+want) || !strings.Contains(text.String(), "    "+row.Note+"\n") {
			t.Errorf("%s is not in the text", row.Name)
		}
	}
}

// spelled matches any spelling of an attribute as a key.
func spelled(row ecosystem.Attribute) *regexp.Regexp {
	var names []string
	for _, name := range row.Spellings() {
		name = strings.TrimPrefix(name, "gopm.")
		names = append(names, strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, `\w+`))
	}
	return regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)['"]?(:|,\n)`)
}

// has reports whether a conversion has a directive, or a file, that the table
// names.
func (c conversion) has(directive string) bool {
	folders := map[string]string{
		"tmpfiles.d":                  units.TmpfilesDir,
		"gopm-activator@.service":     "gopm-activator@",
		"APP.socket":                  ".socket",
		"APP-update.service":          "-update.service",
		"APP-restart.timer":           "-restart.timer",
		"NAMESPACE.target":            ".target",
		"logrotate.d":                 units.LogrotateDir,
		"preset":                      units.PresetDir,
		"the sandbox of APP@.service": "@.service",
		"names of all units":          units.SystemDir,
	}
	for name, text := range c.want {
		if part, ok := folders[directive]; ok {
			if strings.Contains(name, part) {
				return true
			}
			continue
		}
		if !strings.HasPrefix(name, units.SystemDir) {
			continue
		}
		variable := strings.TrimPrefix(directive, "Environment=")
		for _, line := range []string{directive, "Environment=" + variable, `Environment="` + variable} {
			if strings.Contains(text, "\n"+line) {
				return true
			}
		}
	}
	return false
}
