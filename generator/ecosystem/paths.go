package ecosystem

import (
	"path"
	"strings"
)

// files makes the paths of watch and of the files with variables absolute.
func (a *appReader) files() {
	// dotenv puts its variables into PM2's own environment, and PM2 hands that on.
	for _, f := range a.dotenv {
		a.noteOn("env", Differently, "dotenv loads %s, and PM2 hands its variables on to the app; here systemd reads it at each start, below env", f)
		a.app.EnvFiles = append(a.app.EnvFiles, "-"+f)
	}
	for _, f := range a.given.envFiles {
		optional := ""
		if rest, ok := strings.CutPrefix(f, "-"); ok {
			optional, f = "-", rest
		}
		a.app.EnvFiles = append(a.app.EnvFiles, optional+a.atHome("env_file", a.app.Dir, f))
	}
	w := a.app.Watch
	if w == nil {
		return
	}
	if len(w.Paths) == 0 {
		w.Paths = []string{a.app.Dir}
	}
	for i, p := range w.Paths {
		w.Paths[i] = a.glob(p)
	}
	if a.given.ignore != nil {
		w.Ignore = []string{}
		for _, p := range a.given.ignore {
			w.Ignore = append(w.Ignore, a.glob(p))
		}
	}
	w.Delay = a.given.watchDelay
}

// glob makes a path of watch absolute. The app's folder, and what is there under
// that very name today, such as Next.js's pages/[id], stand for themselves.
func (a *appReader) glob(name string) string {
	full := resolve(a.app.Dir, name)
	rest, inside := below(full, a.app.Dir)
	switch {
	case a.exists(full) || !closes(name):
		return literal(full)
	case inside:
		return path.Join(literal(a.app.Dir), rest)
	}
	return full
}

// special are the characters that mean more than themselves in a glob.
var special = pattern(`[*?\[\]{}\\]`)

// literal takes from every character of a path the meaning that it has in a glob.
func literal(name string) string {
	return special().ReplaceAllString(name, `\$0`)
}

// closes reports whether a glob closes what it opens.
func closes(glob string) bool {
	for _, pair := range []string{"[]", "{}"} {
		if strings.Count(glob, pair[:1]) != strings.Count(glob, pair[1:]) {
			return false
		}
	}
	return !strings.HasSuffix(glob, `\`)
}
