package main

import (
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/gopm/gopm/generator/ecosystem"
)

// usualNames are the names under which ecosystem files are looked for, the
// likelier ones first.
var usualNames = []string{
	"ecosystem.config.js", "ecosystem.config.cjs", "ecosystem.config.mjs", "ecosystem.config.ts",
	"ecosystem.json", "ecosystem.json5", "ecosystem.yml", "ecosystem.yaml",
	"pm2.config.js", "pm2.config.cjs", "process.json", "process.yml",
}

// find returns the ecosystem file in the current folder.
func (c command) find() (string, *ecosystem.Problem) {
	for _, name := range usualNames {
		info, err := fs.Stat(c.host.Files, c.onDisk(name))
		if err == nil && !info.IsDir() {
			return name, nil
		}
	}
	const manifest = "package.json"
	if c.hasApps(manifest) {
		return manifest, nil
	}
	return "", &ecosystem.Problem{
		File: usualNames[0],
		Text: "no such file, nor " + strings.Join(usualNames[1:], ", ") + ", nor a " + manifest + " with apps",
		Hint: "name the ecosystem file: gopm-gen path/to/ecosystem.config.js",
	}
}

// hasApps reports whether a package.json has the key pm2 or apps.
func (c command) hasApps(name string) bool {
	text, err := fs.ReadFile(c.host.Files, c.onDisk(name))
	if err != nil {
		return false
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) != nil {
		return false
	}
	_, pm2 := keys["pm2"]
	_, apps := keys["apps"]
	return pm2 || apps
}

// onDisk returns the name that a path has in the file system of the host.
func (c command) onDisk(name string) string {
	if name = strings.TrimPrefix(absolute(c.host.Dir, name), "/"); name != "" {
		return name
	}
	return "."
}
