package packages

import (
	"fmt"
	"os"
	"strings"
)

// Guide is what packaging/README.md tells people to type, by the titles of its
// sections.
type Guide map[string][]Command

// Command is a line of a block that is marked as sh.
type Command struct {
	Line string
	Note string // what is after its #, up to a colon
}

// ReadGuide reads a page.
func ReadGuide(name string) (Guide, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the guide: %w", err)
	}
	guide := Guide{}
	section, inside := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch title, ok := strings.CutPrefix(line, "## "); {
		case ok:
			section = title
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside:
			command, note, _ := strings.Cut(line, " # ")
			note, _, _ = strings.Cut(note, ":")
			guide[section] = append(guide[section], Command{strings.TrimSpace(command), strings.TrimSpace(note)})
		}
	}
	return guide, nil
}

// Find returns the line of a section with a note.
func (g Guide) Find(section, note string) (string, error) {
	for _, c := range g[section] {
		if c.Note == note {
			return c.Line, nil
		}
	}
	return "", fmt.Errorf("the guide's section %q has no line for %q", section, note)
}

// script returns the lines of a section, without those that only root may type.
func (g Guide) script(section string, withRoot bool) (string, error) {
	var lines []string
	for _, c := range g[section] {
		if withRoot || !strings.HasPrefix(c.Line, "sudo ") {
			lines = append(lines, c.Line)
		}
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("the guide's section %q has no commands", section)
	}
	return strings.Join(lines, "\n"), nil
}
