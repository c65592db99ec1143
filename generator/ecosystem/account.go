package ecosystem

import (
	"path"
	"strings"
)

// atHomeOf is a path below the home of somebody, or of root.
var atHomeOf = pattern(`^(?:/home/([A-Za-z_][A-Za-z0-9_.-]{0,30})|/(root))(?:/|$)`)

// numeric is the number of an account.
var numeric = pattern(`^[0-9]+$`)

// account settles who the app runs as where the file does not say: below
// somebody's home that somebody, who is also who ran PM2. Nobody else may be
// able to enter it.
func (a *appReader) account() {
	m := atHomeOf().FindStringSubmatch(a.app.Dir + "/")
	if a.app.User != "" || m == nil {
		return
	}
	a.app.User = m[1] + m[2]
	text := "the app lives in the home of %s, and runs as %[1]s; --service-user or uid names another account"
	if m[2] != "" {
		text = "only root gets into /root, so the app runs as %s, as under PM2; in /srv it needs no such power"
	}
	a.app.Homed = true
	a.noteOn("uid", Differently, text, a.app.User)
}

// home is the home of the account that the app runs as, as far as it is known
// here: its own account's is the app's folder.
func (a *appReader) home() string {
	switch a.app.User {
	case "":
		return a.source.root
	case "root", "0":
		return "/root"
	}
	return "/home/" + a.app.User
}

// belowHome returns where a path that begins with ~ is.
func (a *appReader) belowHome(name string) (full string, ok bool) {
	rest, ok := strings.CutPrefix(name+"/", "~/")
	return path.Join(a.home(), rest), ok
}

// atHome resolves a path that may begin with ~, which PM2 knows in the paths of
// logs, and people write elsewhere.
func (a *appReader) atHome(key, dir, name string) string {
	full, ok := a.belowHome(name)
	if !ok {
		return resolve(dir, name)
	}
	if numeric().MatchString(a.app.User) && a.app.User != "0" {
		a.problemOn(key, quoted(name)+" is below the home of the user "+a.app.User+", and a number does not say where that is", "write the path from / on, or the user by name")
	}
	a.noteOn(key, Differently, "~ is the home of the account that the app runs as: %s", full)
	return full
}
