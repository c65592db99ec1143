package machine

import (
	"encoding/json"
	"io/fs"
	"path"
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

// Find returns the ecosystem file in the current folder of host.
func Find(host ecosystem.Host) (string, *ecosystem.Problem) {
	for _, name := range usualNames {
		info, err := fs.Stat(host.Files, OnDisk(host, name))
		if err == nil && !info.IsDir() {
			return name, nil
		}
	}
	const manifest = "package.json"
	if hasApps(host, manifest) {
		return manifest, nil
	}
	return "", &ecosystem.Problem{
		File: usualNames[0],
		Text: "no such file, nor " + strings.Join(usualNames[1:], ", ") + ", nor a " + manifest + " with apps",
		Hint: "name the ecosystem file, such as path/to/ecosystem.config.js",
	}
}

// hasApps reports whether a package.json has the key pm2 or apps.
func hasApps(host ecosystem.Host, name string) bool {
	text, err := fs.ReadFile(host.Files, OnDisk(host, name))
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

// OnDisk returns the name that a path has in the file system of the host.
func OnDisk(host ecosystem.Host, name string) string {
	if !path.IsAbs(name) {
		name = path.Join(host.Dir, name)
	}
	if name = strings.TrimPrefix(path.Clean(name), "/"); name != "" {
		return name
	}
	return "."
}
