package main

import (
	"fmt"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
)

// attributes prints the table of attributes.
func (c command) attributes(asJSON bool) int {
	rows := allRows()
	if asJSON {
		c.json(c.stdout, rows)
		return exitOK
	}
	for _, row := range rows {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: %s\n", strings.Join(row.Spellings(), ", "), row.Fate)
		if len(row.Becomes) > 0 {
			fmt.Fprintf(&b, "    becomes %s\n", strings.Join(row.Becomes, ", "))
		}
		fmt.Fprintf(&b, "    %s\n", row.Note)
		c.print(c.stdout, b.String())
	}
	return exitOK
}

// allRows returns the table with the rows of gopm's own keys in it.
func allRows() []ecosystem.Attribute {
	rows := ecosystem.Attributes()
	for _, row := range ecosystem.OwnAttributes() {
		row.Name = "gopm." + row.Name
		rows = append(rows, row)
	}
	return rows
}
