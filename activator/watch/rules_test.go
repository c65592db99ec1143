package watch

import (
	"fmt"
	"path"
	"slices"
	"testing"
)

func TestRules(t *testing.T) {
	tests := map[string]struct {
		watch, ignore  []string
		counts, misses []string // files and folders
		enters, avoids []string // folders
	}{
		"a folder": {
			watch:  []string{"/srv/app"},
			counts: []string{"/srv/app", "/srv/app/index.js", "/srv/app/src/a/b.js"},
			misses: []string{"/srv/application/index.js", "/srv", "/srv/app/.git/HEAD", "/srv/app/src/.index.js.swp", "/srv/app/node_modules/a/index.js", "/srv/app/src/node_modules"},
			enters: []string{"/srv/app", "/srv/app/src"},
			avoids: []string{"/srv", "/srv/app/.git", "/srv/app/node_modules", "/srv/app/node_modules/a"},
		},
		"a folder that is ignored elsewhere": {
			watch:  []string{"/home/me/.apps/api/node_modules/mine"},
			counts: []string{"/home/me/.apps/api/node_modules/mine/index.js"},
			misses: []string{"/home/me/.apps/api/node_modules/mine/.git/HEAD"},
			enters: []string{"/home/me/.apps/api/node_modules/mine"},
		},
		"a file": {
			watch:  []string{"/srv/app/.env"},
			counts: []string{"/srv/app/.env"},
			misses: []string{"/srv/app/.envrc", "/srv/app/index.js"},
			avoids: []string{"/srv/app"},
		},
		"a glob": {
			watch:  []string{"/srv/app/*.js", "/srv/app/lib/**/*.{js,json}"},
			counts: []string{"/srv/app/index.js", "/srv/app/lib/a.json", "/srv/app/lib/a/b/c.js"},
			misses: []string{"/srv/app/src/index.js", "/srv/app/lib/a.ts", "/srv/app/lib", "/srv/app/lib/.a.js", "/srv/app/lib/node_modules/a.js"},
			enters: []string{"/srv/app", "/srv/app/lib", "/srv/app/lib/a/b"},
			avoids: []string{"/srv/app/src", "/srv", "/srv/app/lib/node_modules"},
		},
		"a glob with a folder's name": {
			watch:  []string{"/srv/app/packages/*/src/**"},
			counts: []string{"/srv/app/packages/a/src/index.js"},
			misses: []string{"/srv/app/packages/a/test/index.js"},
			enters: []string{"/srv/app/packages", "/srv/app/packages/a", "/srv/app/packages/a/src/b"},
			avoids: []string{"/srv/app/packages/a/test"},
		},
		"a special character that has no meaning": {
			watch:  []string{`/srv/app/\[id\]/page.js`},
			counts: []string{"/srv/app/[id]/page.js"},
			misses: []string{"/srv/app/i/page.js"},
		},
		"ignored by the app": {
			watch:  []string{"/srv/app"},
			ignore: []string{"/srv/app/logs", "/srv/app/**/*.test.js", "/srv/app/tmp/"},
			counts: []string{"/srv/app/.env", "/srv/app/node_modules/a/index.js"},
			misses: []string{"/srv/app/logs", "/srv/app/logs/a/b.log", "/srv/app/src/a.test.js", "/srv/app/tmp/x"},
			enters: []string{"/srv/app/node_modules"},
			avoids: []string{"/srv/app/logs", "/srv/app/logs/a", "/srv/app/tmp"},
		},
		"everything": {
			watch:  []string{"/"},
			counts: []string{"/srv/a"},
			misses: []string{"/.x"},
			enters: []string{"/", "/srv"},
		},
	}
	for name, test := range tests {
		r, err := NewRules(test.watch, test.ignore)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ask := func(paths []string, verb string, answer func(string) bool, want bool) {
			for _, path := range paths {
				if answer(path) != want {
					t.Errorf("%s: %s %s: %v, want %v", name, path, verb, !want, want)
				}
			}
		}
		ask(test.counts, "counts", r.Counts, true)
		ask(test.misses, "counts", r.Counts, false)
		ask(test.enters, "is entered", r.Enters, true)
		ask(test.avoids, "is entered", r.Enters, false)
	}
}

// FuzzRules: what counts is in a folder that is watched, or it would never be
// seen.
func FuzzRules(f *testing.F) {
	for _, seed := range [][3]string{
		{"/srv/app", "", "/srv/app/src/index.js"},
		{"/srv/app/*/src/**/*.{js,ts}", "/srv/app/**/*.test.js", "/srv/app/a/src/b/c.ts"},
		{"/*.js", "", "/a.js"},
		{"/[a/b]*", "", "/a/c"},
		{`/srv/\[id\]/*`, "", "/srv/[id]/a"},
		{"/**", "/tmp", "/a/b"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, watch, ignore, name string) {
		var ignored []string
		if ignore != "" {
			ignored = []string{ignore}
		}
		r, err := NewRules([]string{watch}, ignored)
		if err != nil {
			return
		}
		name = path.Clean("/" + name)
		if base := r.Bases()[0]; !r.Counts(name) || name == base || !within(base, name) {
			return
		}
		if !r.Enters(path.Dir(name)) {
			t.Errorf("%s counts for %q without %q, but its folder is not entered", name, watch, ignore)
		}
		_ = r.Short(name)
	})
}

func TestRulesRefuse(t *testing.T) {
	tests := []struct {
		watch, ignore []string
		err           string
	}{
		{watch: []string{"src"}, err: `"src" is not an absolute path`},
		{watch: []string{"/srv"}, ignore: []string{"**/a"}, err: `"**/a" is not an absolute path`},
		{watch: []string{"/srv/[a"}, err: `"/srv/[a" is not a glob: a bracket or brace is not closed`},
	}
	for _, test := range tests {
		if _, err := NewRules(test.watch, test.ignore); err == nil || err.Error() != test.err {
			t.Errorf("%q without %q: %v, want %s", test.watch, test.ignore, err, test.err)
		}
	}
}

func TestShort(t *testing.T) {
	tests := []struct {
		watch      []string
		name, want string
	}{
		{[]string{"/srv/app"}, "/srv/app/src/index.js", "src/index.js"},
		{[]string{"/srv/app/src", "/srv/app/lib/**/*.js"}, "/srv/app/src/index.js", "src/index.js"},
		{[]string{"/srv/app/src", "/etc/app.conf"}, "/etc/app.conf", "/etc/app.conf"},
		{[]string{"/srv/app/.env"}, "/srv/app/.env", "/srv/app/.env"},
	}
	for _, test := range tests {
		r, err := NewRules(test.watch, nil)
		if got := r.Short(test.name); err != nil || got != test.want {
			t.Errorf("%s of %q is %s, %v; want %s", test.name, test.watch, got, err, test.want)
		}
	}
}

func TestBases(t *testing.T) {
	r, err := NewRules([]string{"/srv/app/", "/srv/app/*.js", "/srv/lib/**/a", `/srv/a\*b/*`}, nil)
	if got, want := fmt.Sprint(r.Bases()), "[/srv/app /srv/lib /srv/a*b]"; err != nil || got != want {
		t.Errorf("bases are %s, %v; want %s", got, err, want)
	}
	if slices.Contains(r.Bases(), "") {
		t.Error("a base is empty")
	}
}
