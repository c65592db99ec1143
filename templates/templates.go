// Package templates holds the units that are generated, as text that an
// administrator can read. What stands in {{ }} was quoted before it got here.
package templates

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed *.target *.socket *.service *.timer *.conf *.env *.preset logrotate
var files embed.FS

// Render fills in the template name with the fields of view.
func Render(name string, view any) (string, error) {
	t, err := template.ParseFS(files, name)
	if err != nil {
		return "", fmt.Errorf("parse template %s: %w", name, err)
	}
	var b strings.Builder
	if err := t.Option("missingkey=error").Execute(&b, view); err != nil {
		return "", fmt.Errorf("fill in template %s: %w", name, err)
	}
	return b.String(), nil
}
