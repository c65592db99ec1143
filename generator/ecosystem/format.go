package ecosystem

import (
	"path"
	"strings"
)

// plain returns what is left of a file without the marks at its beginning that
// no parser takes.
func plain(text []byte) string {
	out := strings.TrimPrefix(string(text), "\ufeff")
	// A comment of the same length, so that columns stay what they are.
	if strings.HasPrefix(out, "#!") {
		out = "//" + out[2:]
	}
	return out
}

// formats are the endings by which PM2 knows an ecosystem file, in the order in
// which it looks for them anywhere in the name.
var formats = []struct {
	ending string
	format format
}{
	{".json", formatJSON}, {".yml", formatYAML}, {".yaml", formatYAML},
	{".config.js", formatScript}, {".config.cjs", formatScript}, {".config.mjs", formatScript},
}

// format is how a file is written.
type format int

const (
	formatNone format = iota
	formatScript
	formatTypeScript
	formatJSON
	formatYAML
)

// formatOf returns how the file named base is written. PM2 looks into the names
// of folders too, which only ever misleads it.
func formatOf(base string) format {
	switch path.Ext(base) {
	case ".ts", ".mts", ".cts":
		return formatTypeScript
	}
	for _, f := range formats {
		if strings.Contains(base, f.ending) {
			return f.format
		}
	}
	switch path.Ext(base) {
	case ".js", ".cjs", ".mjs":
		return formatScript
	}
	return formatNone
}
