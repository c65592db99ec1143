// Package templates holds the units that are generated, as text that an
// administrator can read. What stands in {{ }} was quoted before it got here.
package templates

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"text/template"
)

//go:embed *.target *.socket *.service *.timer *.conf *.env *.preset logrotate
var files embed.FS

// parsed has each of the templates, parsed when it is first asked for.
var parsed = sync.OnceValue(func() map[string]func() (*template.Template, error) {
	names, _ := fs.Glob(files, "*") // the pattern is a good one
	out := map[string]func() (*template.Template, error){}
	for _, name := range names {
		out[name] = sync.OnceValues(func() (*template.Template, error) {
			t, err := template.ParseFS(files, name)
			if err != nil {
				return nil, fmt.Errorf("parse template %s: %w", name, err)
			}
			return t.Option("missingkey=error"), nil
		})
	}
	return out
})

// Render fills in the template name with the fields of view.
func Render(name string, view any) (string, error) {
	parse, ok := parsed()[name]
	if !ok {
		return "", fmt.Errorf("there is no template %s", name)
	}
	t, err := parse()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, view); err != nil {
		return "", fmt.Errorf("fill in template %s: %w", name, err)
	}
	return b.String(), nil
}
