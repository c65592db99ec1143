package ecosystem

import (
	"fmt"
	"slices"
	"strings"
)

// reader turns what a file exports into apps.
type reader struct {
	source   source
	env      string
	only     []string // names of apps; none: all
	path     string   // the variable PATH of this machine
	dotenv   []string // files whose variables PM2 would hand to every app
	notes    []Note
	problems []*Problem
}

// apps reads every app there is, and returns those of which enough is known.
func (r *reader) apps(root value) []App {
	list, key, ok := r.list(root)
	if !ok {
		return nil
	}
	deployed := root.get("deploy").get(r.env).get("env")
	var apps []App
	var entries []value
	var names, without []string
	for i, v := range list {
		a := appReader{source: r.source, env: r.env, spelled: map[string]string{}, pm2: map[string]any{}, deployed: deployed, dotenv: r.dotenv, path: r.path}
		a.app.Index = i
		a.app.Place = appPlace(key, i, v)
		a.read(v)
		names = append(names, a.app.Name)
		if len(r.only) > 0 && !slices.Contains(r.only, a.app.Name) {
			continue
		}
		entries = append(entries, v)
		if a.without {
			without = append(without, a.app.Name)
		}
		a.app.Flawed = len(a.problems) > 0
		if !a.app.Flawed || a.given.script != "" {
			apps = append(apps, a.app)
		}
		r.problems = append(r.problems, a.problems...)
	}
	r.checkEnv(entries, deployed.kind == Object, without)
	r.checkOnly(names)
	return apps
}

// checkEnv tells what --env chose nothing in: some apps (without), or all.
func (r *reader) checkEnv(entries []value, deployed bool, without []string) {
	if r.env == "" {
		return
	}
	var blocks []string
	for _, v := range entries {
		for _, f := range v.fields {
			if name, ok := strings.CutPrefix(f.key, "env_"); ok {
				blocks = append(blocks, name)
			}
		}
	}
	switch {
	case deployed || slices.Contains(blocks, r.env):
		if len(without) > 0 {
			r.notes = append(r.notes, Note{"env_" + r.env, NotChosen, "not in " + strings.Join(without, ", ")})
		}
	case len(blocks) == 0:
		r.notes = append(r.notes, Note{"--env " + r.env, Refused, "no app has env_" + r.env})
	default:
		var hint string
		if near := Nearest(r.env, blocks); near != "" {
			hint = "write --env " + near
		} else {
			slices.Sort(blocks)
			hint = "it has: " + strings.Join(slices.Compact(blocks), ", ")
		}
		r.problem("no app has env_"+r.env, hint)
	}
}

// checkOnly refuses a name of --only that no app has.
func (r *reader) checkOnly(names []string) {
	for _, name := range r.only {
		if slices.Contains(names, name) {
			continue
		}
		hint := "it has: " + strings.Join(names, ", ")
		if near := Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.problem(fmt.Sprintf("no app is called %q", name), hint)
	}
}

// list finds the list of apps, and the key that it has.
func (r *reader) list(root value) (list []value, key string, ok bool) {
	subject, example := r.source.subject()
	switch {
	case root.kind == Other && root.text == "Function":
		r.problem(subject+"is a function, which PM2 does not call", example)
		return nil, "", false
	case root.kind != Object && root.kind != Array:
		r.problem(subject+"is "+root.show()+", not an object", example)
		return nil, "", false
	}
	list, key = root.apps()
	switch {
	case root.get(key).truthy:
		r.others(root, key)
	case root.kind == Object && !isApp(root):
		r.problem(subject+"has no apps", example)
		return nil, "", false
	}
	if len(list) == 0 {
		r.problem(key+" is empty", example)
		return nil, "", false
	}
	return list, key, true
}

// isApp reports whether an object says what to run, under any name of script,
// or at least is called something.
func isApp(v value) bool {
	for _, row := range programRows() {
		if row.Name != "script" && row.Name != "name" {
			continue
		}
		for _, name := range row.Spellings() {
			if v.get(name).truthy {
				return true
			}
		}
	}
	return false
}

// others notes the keys beside the list of apps.
func (r *reader) others(root value, key string) {
	for _, f := range root.fields {
		switch f.key {
		case key:
		case "deploy":
			r.notes = append(r.notes, Note{f.key, Refused, "pm2 deploy pulls a repository over ssh and reloads; here a package brings the files and reloads the app, or a script: git pull, then systemctl start APP-update.service"})
		case "static":
			r.notes = append(r.notes, Note{f.key, Refused, "PM2 serves these folders over HTTP; nginx and Caddy do it well: root DIR, try_files for a single page app"})
		default:
			r.notes = append(r.notes, Note{f.key, Unknown, "PM2 knows no such key beside apps"})
		}
	}
}

func (r *reader) problem(text, hint string) {
	r.problems = append(r.problems, &Problem{File: r.source.shown, Text: text, Hint: hint})
}
