// Package watch tells when files change on which an app is to be restarted.
//
// Rules decide, without a look at the disk; Run does the rest.
package watch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Rules say which files count.
type Rules struct {
	entries []entry
	ignore  []string // nil: what PM2 ignores by default
}

// entry is one thing to watch.
type entry struct {
	// base is the path itself, or the part of a glob before its first special
	// character: what is watched on disk.
	base string
	glob string // empty: base is a file, or a folder with all that is in it
}

// NewRules makes rules of absolute paths and globs (doublestar's: *, **, ?,
// [a-z], {a,b}; a backslash takes a character's meaning away). Where nothing is
// to be ignored it is what PM2 ignores by itself: names with a dot at the
// beginning, and node_modules.
func NewRules(watch, ignore []string) (Rules, error) {
	var r Rules
	for _, text := range watch {
		if err := check(text); err != nil {
			return r, err
		}
		text = path.Clean(text)
		base, rest := doublestar.SplitPattern(text)
		if !isGlob(rest) {
			r.entries = append(r.entries, entry{base: plain(text)})
			continue
		}
		r.entries = append(r.entries, entry{plain(base), text})
	}
	for _, text := range ignore {
		if err := check(text); err != nil {
			return r, err
		}
		r.ignore = append(r.ignore, path.Clean(text))
	}
	return r, nil
}

func check(text string) error {
	if !path.IsAbs(text) {
		return fmt.Errorf("%q is not an absolute path", text)
	}
	if !doublestar.ValidatePattern(text) {
		return fmt.Errorf("%q is not a glob: a bracket or brace is not closed", text)
	}
	return nil
}

// isGlob tells whether a text has a special character of globs that counts.
func isGlob(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if strings.IndexByte("*?[{", text[i]) >= 0 {
			return true
		}
	}
	return false
}

// plain takes the backslashes off.
func plain(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// Bases are the paths to watch on disk, each once.
func (r Rules) Bases() []string {
	var bases []string
	for _, e := range r.entries {
		if !slices.Contains(bases, e.base) {
			bases = append(bases, e.base)
		}
	}
	return bases
}

// Counts tells whether a change of a file or folder is one.
func (r Rules) Counts(name string) bool {
	return slices.ContainsFunc(r.entries, func(e entry) bool {
		return e.has(name) && !r.ignores(e, name)
	})
}

// Enters tells whether something that counts may be in a folder.
func (r Rules) Enters(folder string) bool {
	return slices.ContainsFunc(r.entries, func(e entry) bool {
		return e.mayHold(folder) && !r.ignores(e, folder)
	})
}

func (e entry) has(name string) bool {
	if e.glob == "" {
		return within(e.base, name)
	}
	return doublestar.MatchUnvalidated(e.glob, name)
}

// mayHold compares a folder with a glob part by part.
func (e entry) mayHold(folder string) bool {
	if !within(e.base, folder) {
		return false
	}
	// A slash may be in braces or brackets, or behind a backslash.
	if e.glob == "" || strings.ContainsAny(e.glob, `{[\`) {
		return true
	}
	parts := strings.Split(e.glob, "/")
	for i, name := range strings.Split(strings.TrimSuffix(folder, "/"), "/") {
		switch {
		case parts[i] == "**":
			return true
		case i == len(parts)-1 || !doublestar.MatchUnvalidated(parts[i], name):
			return false
		}
	}
	return true
}

// ignores tells whether a path, or a folder that it is in, is ignored.
func (r Rules) ignores(e entry, name string) bool {
	if r.ignore == nil {
		below := strings.TrimPrefix(name, e.base)
		return slices.ContainsFunc(strings.Split(below, "/"), func(part string) bool {
			return strings.HasPrefix(part, ".") || part == "node_modules"
		})
	}
	for ; name != "/"; name = path.Dir(name) {
		for _, pattern := range r.ignore {
			if doublestar.MatchUnvalidated(pattern, name) {
				return true
			}
		}
	}
	return false
}

// within tells whether name is folder or in it.
func within(folder, name string) bool {
	rest, ok := strings.CutPrefix(name, folder)
	return ok && (rest == "" || rest[0] == '/' || folder == "/")
}

// Short is a path as a person would call it: without the folder that all bases
// share, if there is one.
func (r Rules) Short(name string) string {
	bases := r.Bases()
	shared := bases[0]
	for _, base := range bases {
		for !within(shared, base) {
			shared = path.Dir(shared)
		}
	}
	if rest, ok := strings.CutPrefix(name, shared+"/"); ok {
		return rest
	}
	return name
}
