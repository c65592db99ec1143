package generator

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/generator/ecosystem"
	"github.com/gopm/gopm/units"
	"github.com/gopm/gopm/units/verify"
)

// everything is all that Generate is given, and every text in it is there.
type everything struct {
	Source      string
	Root        string
	Prefix      string
	ServiceUser string
	EnvDir      string
	Listen      string
	App         ecosystem.App
}

func full() everything {
	app := cluster()
	app.Namespace, app.Script, app.Args = "shop", "/srv/a.js", []string{"--a"}
	app.Variables = []ecosystem.Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "2", Secret: true}, {Name: "c-d", Value: "3"}, {Name: "e-f", Value: "4", Secret: true}}
	app.EnvFiles = []string{"/srv/.env"}
	app.Increment = &ecosystem.Increment{Name: "N2", Base: 1}
	app.Cron = []ecosystem.Schedule{{}}
	app.Watch = &ecosystem.Watch{Paths: []string{"/srv/src"}, Ignore: []string{"/srv/log"}}
	app.Errors = ecosystem.Log{Path: "/srv/b", Suffix: ".log"}
	app.Affinity = "1"
	app.LogJSON = true
	app.Hardening.Changes = []ecosystem.Change{{Directive: "ProtectHome", Value: "tmpfs"}}
	return everything{Source: "/srv/eco.js", Root: "/srv", Prefix: "p-", ServiceUser: "me", EnvDir: "/etc/gopm", Listen: "3000", App: app}
}

func (e everything) generate(user bool) (Result, []*ecosystem.Problem) {
	file := fileWith(e.App)
	file.Path = e.Source
	return Generate(file, Options{
		Root: e.Root, Prefix: e.Prefix, ServiceUser: e.ServiceUser, EnvDir: e.EnvDir, User: user, SourceExists: true,
		Listen: map[string][]string{e.App.Name: {e.Listen}},
	})
}

// texts returns every string below v that can be set, by its name.
func texts(v reflect.Value, name string, out map[string]reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			out[name] = v
		}
	case reflect.Pointer:
		texts(v.Elem(), name, out)
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), name+"."+v.Type().Field(i).Name, out)
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), name, out)
		}
	}
}

// environmentFile is a file of EnvironmentFile= in which every line break is in
// quotes.
var environmentFile = regexp.MustCompile("^# [^\\n]*(\\n[A-Za-z_][A-Za-z0-9_]*=\"([^\"\\\\]|\\\\[\"\\\\`$])*\")*\\n$")

// role names a file of an app apart from the name of the app.
func role(name, unit string) string {
	if strings.HasSuffix(path.Dir(name), ".d") {
		return "drop-in"
	}
	rest, ok := strings.CutPrefix(path.Base(name), unit)
	if ok && slices.Contains([]string{".target", ".socket", "@.service", "-reload.service", "-update.service", "-restart.service", "-restart.timer"}, rest) {
		return rest
	}
	return "namespace"
}

// FuzzFields: a text in any field puts no directive into a unit that a harmless
// text does not, no line into another file, and no file into another folder.
func FuzzFields(f *testing.F) {
	most := map[string]int{} // of each directive in each kind of file
	for _, user := range []bool{false, true} {
		base := full()
		result, problems := base.generate(user)
		if len(problems) > 0 {
			f.Fatal(problems[0])
		}
		for _, file := range result.Units.Files() {
			count := map[string]int{}
			list, err := keys(file.Text)
			for _, key := range list {
				if err == nil {
					at := role(file.Path, "p-api") + " " + key
					count[at]++
					most[at] = max(most[at], count[at])
				}
			}
		}
	}
	// A port and a path have lines of their own.
	for _, key := range []string{"SocketMode", "SocketGroup", "RemoveOnStop", "ReusePort"} {
		most[".socket Socket."+key] = 1
	}
	for _, d := range sandbox() {
		most["@.service Service."+d.Name] = 1 // livesBelow() decides on some
	}
	most["drop-in Service.PrivateTmp"] = 1
	most["drop-in Service.CapabilityBoundingSet"] = 2 // private folders, and a port below 1024
	all := map[string]reflect.Value{}
	texts(reflect.ValueOf(&everything{App: full().App}).Elem(), "", all)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	hostile := []string{"", "a\nb", "x\nExecStart=/bin/evil", "x\rUser=root", `\`, `a\`, "%i%n", "$A", "a b", `"`, "'", "../../etc/cron.d/x", "/", "..", "\x00", "\xff", "#", "@/bin/x",
		"/srv/a\"\nB=1", "a;b", "/a:/b", "}\n/etc/shadow {", "/tmp/x", "-/x", "DeviceAllow", "default", "2147483648", "\u2028", "|", "\t", " x "}
	for i := range names {
		for _, text := range hostile {
			f.Add(i, text)
		}
		f.Add(i, "1") // as a port, one below 1024
	}
	folders := []string{units.SystemDir, units.UserDir, units.PresetDir, units.UserPresetDir, units.SysusersDir, units.TmpfilesDir, units.LogrotateDir}
	lines := map[string]int{units.SysusersDir: 2, units.TmpfilesDir: 6, units.PresetDir: 3, units.UserPresetDir: 3, units.LogrotateDir: 13}
	f.Fuzz(func(t *testing.T, field int, text string) {
		e := full()
		all := map[string]reflect.Value{}
		texts(reflect.ValueOf(&e).Elem(), "", all)
		name := names[((field%len(names))+len(names))%len(names)]
		all[name].SetString(text)
		for _, user := range []bool{false, true} {
			result, problems := e.generate(user)
			if len(problems) > 0 {
				continue
			}
			for _, file := range result.Units.Files() {
				dir := path.Dir(file.Path)
				inside := slices.Contains(folders, dir) || strings.HasPrefix(dir, folders[0]+"/gopm-activator@") || strings.HasPrefix(dir, folders[1]+"/gopm-activator@")
				if !inside && !file.Secret() {
					t.Errorf("%s = %q: %s is in no folder of ours", name, text, file.Path)
				}
				if file.Secret() {
					if !environmentFile.MatchString(file.Text) {
						t.Errorf("%s = %q: %s is\n%s", name, text, file.Path, file.Text)
					}
					continue
				}
				if n, ok := lines[dir]; ok {
					if strings.Count(file.Text, "\n") > n || strings.ContainsAny(file.Text, "\r\x00") {
						t.Errorf("%s = %q: %s is\n%s", name, text, file.Path, file.Text)
					}
					continue
				}
				if _, err := verify.Parse(file.Text); err != nil {
					t.Fatalf("%s = %q: %v in\n%s", name, text, err, file.Text)
				}
				count := map[string]int{}
				list, _ := keys(file.Text)
				for _, key := range list {
					at := role(file.Path, result.Report.Apps[0].Unit) + " " + key
					if count[at]++; count[at] > most[at] && !(name == ".App.Hardening.Changes.Directive" && key == "Service."+text) {
						t.Errorf("%s = %q: %s in\n%s", name, text, at, file.Text)
					}
				}
			}
		}
	})
}

func TestOverlap(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"3000", "3000", true}, {"3000", "3001", false}, {"3000", "127.0.0.1:3000", true}, {"0.0.0.0:3000", "127.0.0.1:3000", true},
		{"[::]:3000", "127.0.0.1:3000", true}, {"0.0.0.0:3000", "[::1]:3000", false}, {"127.0.0.1:3000", "127.0.0.2:3000", false}, {"0.0.0.0:3000", "3000", true},
	} {
		if overlap(tc.a, tc.b) != tc.want || overlap(tc.b, tc.a) != tc.want {
			t.Errorf("%s and %s: want %v", tc.a, tc.b, tc.want)
		}
	}
}
