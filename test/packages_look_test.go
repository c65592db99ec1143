package test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/gopm/gopm/test/site"
)

// ask returns what an app on a port of the machine answers.
func (s packaged) ask(url string, answer any) {
	s.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
	response, err := client.Get(url)
	s.must(err)
	defer response.Body.Close()
	s.must(json.NewDecoder(response.Body).Decode(answer))
}

// answers checks what the example says, and which version is installed.
func (s packaged) answers(hello, version string) {
	s.t.Helper()
	var answer struct{ Hello string }
	s.ask("http://"+site.Address+"/api/v1/hello", &answer)
	if answer.Hello != hello {
		s.t.Errorf("the app answers %q, want %q", answer.Hello, hello)
	}
	s.installed("my-api", version)
}

// installed checks the version of a package.
func (s packaged) installed(name, version string) {
	s.t.Helper()
	out, err := s.shell(s.by.version + name)
	s.must(err)
	if out != version {
		s.t.Errorf("%s is of version %s, want %s", name, out, version)
	}
}

// refused checks that nobody listens on a port.
func (s packaged) refused(address string) {
	s.t.Helper()
	conn, err := s.Dial(s.t.Context(), "tcp", address)
	if err == nil {
		_ = conn.Close() // it was only asked for
		s.t.Errorf("somebody listens on %s", address)
	}
}

// gone checks that nothing of an app that was removed runs, and which files with
// its name are left, apart from the administrator's.
func (s packaged) gone(name string, kept []string) {
	s.t.Helper()
	if name == "my-api" {
		s.refused(site.Address)
	}
	s.stopped(name)
	var left []string
	for _, file := range s.files() {
		if strings.Contains(file, name) && !slices.Contains(s.administrators(), file) {
			left = append(left, file)
		}
	}
	if !slices.Equal(left, kept) {
		s.t.Errorf("left of %s are %q, want %q", name, left, kept)
	}
}

// stopped checks that nothing of an app runs and systemd knows no unit of it.
func (s packaged) stopped(name string) {
	s.t.Helper()
	processes, err := s.Processes("*" + name + "*")
	s.must(err)
	if len(processes) > 0 {
		s.t.Errorf("processes of %s are left: %v", name, processes)
	}
	for unit := range strings.Lines(s.systemctl("list-units", "--all", "--plain", "--no-legend", "*"+name+"*")) {
		// One that others name is listed for a while.
		if !strings.Contains(unit, " not-found ") {
			s.t.Errorf("a unit of %s is left: %s", name, unit)
		}
	}
}

// administrators are files that no package ever removes.
func (s packaged) administrators() []string {
	return []string{"/etc/systemd/system/" + site.Activator + ".d", "/etc/systemd/system/" + site.Activator + ".d/override.conf"}
}

// files lists the files of the machine that are on a disk, but for those that
// every package manager writes for itself.
func (s packaged) files() []string {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "sh", "-c", `find / /usr -xdev \( -path /dev -o -path /proc -o -path /run -o -path /sys -o -path /tmp `+
		`-o -path /packages -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/lib/rpm -o -path /root -o -path '/var/log/apt*' `+
		`-o -path '/var/log/dpkg.log' -o -path /var/log/journal -o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print | LC_ALL=C sort -u`)
	s.must(err)
	return strings.Split(out, "\n")
}

// nothingLeft removes gopm too, and checks that all files are those of before,
// but for what policy leaves.
func (s packaged) nothingLeft() {
	s.t.Helper()
	s.removes("gopm")
	var left []string
	for _, name := range s.files() {
		if !slices.Contains(s.before, name) {
			left = append(left, name)
		}
	}
	want := slices.Concat(s.by.left, s.by.logs, s.administrators())
	slices.Sort(want)
	if !slices.Equal(left, want) {
		s.t.Errorf("left are %q, want %q", left, want)
	}
}
