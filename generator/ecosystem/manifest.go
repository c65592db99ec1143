package ecosystem

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// packageName returns the package that a name such as @nestjs/common/pipes is in.
func packageName(name string) string {
	parts := strings.SplitN(name, "/", 3)
	if strings.HasPrefix(name, "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// conditions are the keys of a package's exports that hold here.
var conditions = []string{"node", "require", "import", "default"}

// manifest is what matters of a package.json.
type manifest struct {
	Main    string
	Type    string
	Exports json.RawMessage
}

// readPackage reads a package.json; one that is broken says nothing.
func readPackage(text []byte) manifest {
	var raw map[string]json.RawMessage
	var out manifest
	if json.Unmarshal(text, &raw) != nil {
		return out
	}
	// A key of the wrong type is as good as none.
	_ = json.Unmarshal(raw["main"], &out.Main)
	_ = json.Unmarshal(raw["type"], &out.Type)
	out.Exports = raw["exports"]
	return out
}

// exported returns the file that the package exports under a path, "" being the
// package itself.
func (m manifest) exported(rest string) (string, bool) {
	if len(m.Exports) == 0 {
		return "", false
	}
	wanted := "."
	if rest != "" {
		wanted = "./" + rest
	}
	var paths map[string]json.RawMessage
	broken := json.Unmarshal(m.Exports, &paths)
	patterns := slices.SortedFunc(maps.Keys(paths), longerBase)
	if broken != nil || !slices.ContainsFunc(patterns, func(p string) bool { return strings.HasPrefix(p, ".") }) {
		if wanted != "." {
			return "", false
		}
		return conditional(m.Exports)
	}
	if exact, ok := paths[wanted]; ok {
		return conditional(exact)
	}
	// Of several that fit, the one with the longest text before its star counts.
	for _, pattern := range patterns {
		before, after, star := strings.Cut(pattern, "*")
		if star && strings.HasPrefix(wanted, before) && strings.HasSuffix(wanted, after) && len(wanted) >= len(before)+len(after) {
			file, ok := conditional(paths[pattern])
			return strings.ReplaceAll(file, "*", wanted[len(before):len(wanted)-len(after)]), ok
		}
	}
	return "", false
}

// longerBase orders the patterns of exports as Node tries them: nodejs.org/api/esm,
// PATTERN_KEY_COMPARE.
func longerBase(a, b string) int {
	baseA, _, _ := strings.Cut(a, "*")
	baseB, _, _ := strings.Cut(b, "*")
	return cmp.Or(len(baseB)-len(baseA), len(b)-len(a), strings.Compare(a, b))
}

// conditional returns the file that one entry of exports means here.
func conditional(raw json.RawMessage) (string, bool) {
	var file string
	if json.Unmarshal(raw, &file) == nil {
		return file, file != ""
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, entry := range list {
			if file, ok := conditional(entry); ok {
				return file, true
			}
		}
		return "", false
	}
	var choice map[string]json.RawMessage
	if json.Unmarshal(raw, &choice) != nil {
		return "", false
	}
	for _, condition := range conditions {
		if entry, ok := choice[condition]; ok {
			if file, ok := conditional(entry); ok {
				return file, true
			}
		}
	}
	return "", false
}
