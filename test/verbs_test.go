package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// gopm runs it as root, and returns all that it prints and its exit code, on a
// line of its own.
func (s scenario) gopm(args ...string) string {
	s.t.Helper()
	return s.asUser([]string{"--reuid=0"}, args...)
}

// asUser is gopm of another user, whom setpriv(1) makes.
func (s scenario) asUser(who []string, args ...string) string {
	s.t.Helper()
	command := append([]string{"-c", `"$@" 2>&1; echo "exit $?"`, "sh", "setpriv"}, who...)
	out, err := s.Run(s.t.Context(), "sh", append(append(command, "gopm"), args...)...)
	s.must(err)
	return out
}

// says checks what gopm prints, and its exit code.
func (s scenario) says(want string, args ...string) {
	s.t.Helper()
	if got := s.gopm(args...); got != want {
		s.t.Errorf("gopm %s prints\n%s\nwant\n%s", strings.Join(args, " "), got, want)
	}
}

// apps is what gopm ls --json prints.
func (s scenario) apps() map[string]fleet.App {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "gopm", "ls", "--json")
	s.must(err)
	var list []fleet.App
	s.must(json.Unmarshal([]byte(out), &list))
	apps := map[string]fleet.App{}
	for _, a := range list {
		apps[a.Name] = a
	}
	return apps
}

// plainApp is an ecosystem file of an app that needs no activator.
const plainApp = `module.exports = { apps: [{ name: 'plain', cwd: '/srv/plain', script: './tick.sh', exec_mode: 'fork', instances: 2, env: { API_TOKEN: 'hunter2' } }] }`

func TestVerbs(t *testing.T) {
	s := boot(t, site.Options{})
	s.must(s.WriteFile("/srv/plain/tick.sh", "exec sleep infinity\n"))
	s.must(s.WriteFile("/etc/gopm/plain.config.js", plainApp))
	s.must(s.WriteFile("/etc/systemd/system/plain@.service.d/user.conf", "[Service]\nUser=nobody\nDynamicUser=no\n"))
	s.systemctl("daemon-reload")

	if states := s.apps(); len(states) != 2 || states["my-api"].State != fleet.Stopped || states["plain"].State != fleet.Stopped {
		t.Errorf("before anything was started the apps are %+v", states)
	}
	s.says("my-api: stopped; the number counts when it is started\nexit 0", "scale", "my-api", "4")
	s.says("my-api: online, 4 of 4 ready\nplain: online, 2 of 2 ready\nexit 0", "start", "all")
	pids := s.exactly(4)
	s.looks(pids)
	s.unitFolders()
	s.steers()
	s.plain()
	s.twins()
	s.ordinaryUser()
	s.deployUser()
	s.breaks()
	s.scales()
}

// looks checks what only looks.
func (s scenario) looks(pids map[string]int) {
	s.t.Helper()
	out := s.gopm("ls")
	for i := range 4 {
		row := fmt.Sprintf(`(?m)^my-api +%d +cluster +%d +\d+s +0 +ready +[\d.]+%% +[\d.]+mb\b`, i, pids[site.Instance(i)])
		if !regexp.MustCompile(row).MatchString(out) {
			s.t.Errorf("gopm ls has no line %s:\n%s", row, out)
		}
	}
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(strings.TrimSpace(line)) > 80 {
			s.t.Errorf("gopm ls is wider than 80 columns: %s", line)
		}
	}
	s.says("my-api\nplain\nexit 0", "ls", "--names")
	if out := s.gopm("describe", "my-api@1"); !strings.Contains(out, "state        online, 4 of 4 ready\n") || !strings.Contains(out, "[::]:3000  yes") {
		s.t.Errorf("gopm describe prints\n%s", out)
	}
	var list []struct {
		PID  int    `json:"pid"`
		Name string `json:"name"`
		Env  struct {
			Status    string `json:"status"`
			Instance  int    `json:"NODE_APP_INSTANCE"`
			Instances int    `json:"instances"`
			Script    string `json:"pm_exec_path"`
		} `json:"pm2_env"`
		Monit struct{ Memory, CPU float64 } `json:"monit"`
	}
	out, err := s.Run(s.t.Context(), "gopm", "jlist")
	s.must(err)
	s.must(json.Unmarshal([]byte(out), &list))
	if len(list) != 6 || list[3].PID != pids[site.Instance(3)] || list[3].Name != "my‑api" || list[3].Env.Status != "online" || list[3].Env.Instance != 3 ||
		list[3].Env.Instances != 4 || list[3].Env.Script != site.Root+"/src/index.js" || list[3].Monit.Memory < 20<<20 || list[4].Env.Script != "/srv/plain/tick.sh" {
		s.t.Errorf("gopm jlist prints\n%s", out)
	}
	if out := s.gopm("env", "my-api@3"); !strings.Contains(out, "\nNODE_APP_INSTANCE=3\n") || !strings.Contains(out, "\nPORT=3000\n") {
		s.t.Errorf("gopm env prints\n%s", out)
	}
	if out := s.gopm("env", "plain"); !strings.HasPrefix(out, "API_TOKEN=(hidden)\n") || !strings.Contains(out, "\nPWD=/srv/plain\n") {
		s.t.Errorf("gopm env prints\n%s", out)
	}
	if out := s.gopm("env", "plain", "--secrets"); !strings.HasPrefix(out, "API_TOKEN=hunter2\n") {
		s.t.Errorf("gopm env --secrets prints\n%s", out)
	}
	s.says(`gopm: error: there is no app "my-app"; did you mean my-api?`+"\nexit 1", "describe", "my-app")
	s.says(`gopm: error: there is no app "shop"; there are my-api, plain`+"\nexit 1", "reload", "shop")
	s.says("gopm: error: there is no my-api@4: my-api has 4 instances, 0 to 3; gopm scale changes how many\nexit 1", "start", "my-api@4")
	s.says("gopm: error: usage: there is no verb \"relaod\"; did you mean reload?\nhint: gopm --help\nexit 2", "relaod", "my-api")
}

// unitFolders checks that gopm ls looks for units wherever systemd does. Debian 12's also
// looks into /lib, which is /usr/lib there.
func (s scenario) unitFolders() {
	s.t.Helper()
	known, err := systemd.New(s.t.Context(), control.System, "").Folders(s.t.Context())
	s.must(err)
	out, err := s.Systemctl(s.t.Context(), "show", "--property=UnitPath", "--value")
	s.must(err)
	if all := strings.Fields(strings.Replace(out, " /lib/systemd/system ", " ", 1)); !slices.Equal(known, all) {
		s.t.Errorf("gopm looks for units in\n%q, systemd in\n%q", known, all)
	}
}

// steers checks what changes something.
func (s scenario) steers() {
	s.t.Helper()
	old := s.exactly(4)
	s.lossless(s.under(load.KeepAlive, func() {
		out := s.gopm("reload", "my-api")
		if !strings.HasPrefix(out, "reload: 4 of 4 workers to replace\n") || !strings.HasSuffix(out, "\nreload: done\nexit 0") {
			s.t.Errorf("gopm reload prints\n%s", out)
		}
	}))
	s.replaced(old)

	// A terminal gets a bar.
	out, err := s.Run(s.t.Context(), "script", "--quiet", "--return", "--command", "gopm reload my-api", "/dev/null")
	s.must(err)
	if !strings.Contains(out, "4/4") || !strings.Contains(out, "100%") {
		s.t.Errorf("on a terminal gopm reload prints\n%q", out)
	}

	s.says("my-api@1: stopped\nexit 0", "stop", "my-api@1")
	if a := s.apps()["my-api"]; a.State != fleet.Partial || a.Ready != 3 || a.Workers[1].State != fleet.WorkerStopped {
		s.t.Errorf("with one stopped the app is %+v", a)
	}
	s.says("gopm: error: send to my-api: my-api@1.service is not running\nexit 1", "send", "my-api@1", "hello")
	s.says("my-api@1: ready\nexit 0", "start", "my-api@1")

	old = s.exactly(4)
	s.says("my-api: online, 4 of 4 ready\nexit 0", "restart", "my-api")
	s.replaced(old)
	// A connection to the control socket would start the activator, and with it the app.
	out, err = s.Run(s.t.Context(), "sh", "-c", "while :; do gopm ls >/dev/null; done & gopm stop my-api; sleep 1; kill $!")
	s.must(err)
	if out != "my-api: stopped" {
		s.t.Errorf("gopm stop prints %q", out)
	}
	if pids := s.pids(); len(pids) > 0 {
		s.t.Errorf("after a stop there are %v", pids)
	}
	s.says("gopm: error: reload my-api: it is stopped; gopm start my-api starts it\nexit 1", "reload", "my-api")
	if state := s.state(site.Activator); state != "inactive" {
		s.t.Errorf("whoever looks at a stopped app makes its activator %s", state)
	}
	s.says("my-api: online, 4 of 4 ready\nexit 0", "start", "my-api")

	s.must(s.Deploy(site.Talkative))
	s.says("my-api@2: ready\nexit 0", "restart", "my-api@2")
	s.says("my-api@2.service has it\nexit 0", "send", "my-api@2", "hello there")
	s.must(s.Deploy(site.Good))
	victim, _ := s.apps()["my-api"].Worker(2)
	s.says(fmt.Sprintf("SIGKILL to my-api@2.service (pid %d)\nexit 0", victim.PID), "signal", "kill", "my-api@2")
	s.eventually("the killed one is back", func() bool {
		w, _ := s.apps()["my-api"].Worker(2)
		return w.State == control.Ready && w.PID != victim.PID && w.Restarts == 1
	})
	s.systemctl("reset-failed", "my-api@2.service")
	if w, _ := s.apps()["my-api"].Worker(2); w.Restarts != 0 {
		s.t.Errorf("after a reset-failed %s has %d restarts", w.Unit, w.Restarts)
	}
}

// plain checks an app without an activator.
func (s scenario) plain() {
	s.t.Helper()
	before := s.apps()["plain"]
	s.says("reload: done\nexit 0", "reload", "plain")
	after := s.apps()["plain"]
	for i, w := range after.Workers {
		if w.PID == before.Workers[i].PID || w.State != control.Ready {
			s.t.Errorf("after a reload %s is %s, process %d", w.Unit, w.State, w.PID)
		}
	}
	s.says("gopm: error: send to plain: it has no activator, so its workers have no channel for messages\nexit 1", "send", "plain", "hello")
	s.says("gopm: error: scale plain: it has no activator that could start more; set instances in its ecosystem file and run gopm-gen\nexit 1", "scale", "plain", "3")
	s.says("plain: stopped\nexit 0", "stop", "plain")
	s.says("plain: online, 2 of 2 ready\nexit 0", "start", "plain")
}

// twins checks two apps of one name: systemd's and a run's.
func (s scenario) twins() {
	s.t.Helper()
	_, err := s.Run(s.t.Context(), "systemd-run", "--unit=twin", "gopm", "run", "/etc/gopm/plain.config.js")
	s.must(err)
	twin := ""
	s.eventually("there are two", func() bool {
		twin = regexp.MustCompile(`run-\d+/plain`).FindString(s.gopm("ls", "--names"))
		return twin != ""
	})
	s.says("gopm: error: there are 2 apps plain: name one as systemd/plain@1 or "+twin+"@1\nexit 1", "stop", "plain@1")
	s.says("plain: stopped\nexit 0", "stop", twin)
	s.says("plain: online, 2 of 2 ready\nexit 0", "start", "systemd/plain", "systemd/plain")
	s.systemctl("stop", "twin")
	s.says("plain@1: ready\nexit 0", "start", "plain@1")
}

// ordinaryUser checks what an ordinary user may do, and is told.
func (s scenario) ordinaryUser() {
	s.t.Helper()
	nobody := []string{"--reuid=nobody", "--regid=nogroup", "--clear-groups"}
	reader := []string{"--reuid=nobody", "--regid=nogroup", "--groups=systemd-journal"}
	const denied = "denied: the status is for uid 0 and members of systemd-journal, adm, wheel, not for uid 65534"
	out := s.asUser(nobody, "ls")
	if !regexp.MustCompile(`(?m)^my-api +3 +cluster +\d+ .* ready `).MatchString(out) || !strings.Contains(out, "less is shown: "+denied) {
		s.t.Errorf("as an ordinary user gopm ls prints\n%s", out)
	}
	out = s.asUser(reader, "ls")
	if !regexp.MustCompile(`(?m)^my-api +3 +cluster +\d+ .* ready `).MatchString(out) || strings.Contains(out, "less is shown") {
		s.t.Errorf("as a reader of the journal gopm ls prints\n%s", out)
	}
	old := s.exactly(4)
	for line, polkit := range map[string]bool{
		"reload my-api": true, "restart my-api": true, "stop my-api@1": true, "start my-api": true, "signal TERM my-api": true,
		"scale my-api 2": false, "send my-api hello": false, "env my-api": false,
	} {
		verb, _, _ := strings.Cut(line, " ")
		or := ""
		if polkit {
			or = " (or a rule of polkit's that lets you)"
		}
		want := "gopm: error: gopm " + verb + " needs root" + or + ": sudo gopm " + line + "\nexit 4"
		if got := s.asUser(reader, strings.Fields(line)...); got != want {
			s.t.Errorf("as an ordinary user gopm %s prints\n%s\nwant\n%s", line, got, want)
		}
	}
	if now := s.exactly(4); !maps.Equal(now, old) {
		s.t.Errorf("an ordinary user made %v of %v", now, old)
	}
}

// deployUser checks what a rule of polkit's lets an ordinary user do: the one that
// the manual has.
func (s scenario) deployUser() {
	s.t.Helper()
	manual, err := os.ReadFile("../packaging/man/gopm.1")
	s.must(err)
	_, rule, _ := strings.Cut(string(manual), "/etc/polkit-1/rules.d/50-my-api.rules\n")
	_, rule, _ = strings.Cut(rule, ".Bd -literal -offset indent\n")
	rule, _, _ = strings.Cut(rule, ".Ed\n")
	s.must(s.WriteFile("/etc/polkit-1/rules.d/50-my-api.rules", rule))
	_, err = s.Run(s.t.Context(), "systemd-sysusers", "--inline", "u deploy")
	s.must(err)
	s.systemctl("restart", "polkit")
	deploy := []string{"--reuid=deploy", "--regid=deploy", "--clear-groups"}
	reader := []string{"--reuid=deploy", "--regid=deploy", "--groups=systemd-journal"}
	says := func(who []string, want string, args ...string) {
		s.t.Helper()
		if got := s.asUser(who, args...); got != want {
			s.t.Errorf("as deploy gopm %s prints\n%s\nwant\n%s", strings.Join(args, " "), got, want)
		}
	}

	old := s.exactly(4)
	s.lossless(s.under(load.KeepAlive, func() { says(deploy, "reload: done\nexit 0", "reload", "my-api") }))
	s.replaced(old)
	// Who may read the journal sees the steps.
	out := s.asUser(reader, "reload", "my-api")
	if !regexp.MustCompile(`(?s)^reload: \d/\d: \w+ my-api@\d\.service.*\nreload: done\nexit 0$`).MatchString(out) {
		s.t.Errorf("as deploy, who reads the journal, gopm reload prints\n%s", out)
	}
	s.must(s.Deploy(site.Broken))
	says(deploy, "gopm: error: reload my-api: aborted; journalctl -u "+site.Activator+" tells why\nexit 1", "reload", "my-api")
	if out := s.asUser(reader, "reload", "my-api"); !strings.Contains(out, "gopm: error: reload my-api: canary 4 did not become ready: ") || !strings.HasSuffix(out, "exit 1") {
		s.t.Errorf("as deploy, who reads the journal, gopm reload of a broken release prints\n%s", out)
	}
	s.must(s.Deploy(site.Good))

	old = s.exactly(4)
	says(reader, "my-api: online, 4 of 4 ready\nexit 0", "restart", "my-api")
	s.replaced(old)
	says(deploy, "my-api@1: stopped\nexit 0", "stop", "my-api@1")
	says(reader, "my-api@1: ready\nexit 0", "start", "my-api@1")
	says(deploy, "my-api: stopped\nexit 0", "stop", "my-api")
	says(reader, "my-api: online, 4 of 4 ready\nexit 0", "start", "my-api")
	says(deploy, "gopm: error: gopm stop needs root (or a rule of polkit's that lets you): sudo gopm stop plain\nexit 4", "stop", "plain")
	says(reader, "gopm: error: gopm scale needs root: sudo gopm scale my-api 2\nexit 4", "scale", "my-api", "2")
	if a := s.apps(); a["plain"].State != fleet.Online || a["my-api"].Ready != 4 {
		s.t.Errorf("at the end the apps are %+v", a)
	}
}

// breaks checks exit codes where the app is broken.
func (s scenario) breaks() {
	s.t.Helper()
	s.must(s.Deploy(site.Broken))
	out := s.gopm("reload", "my-api")
	if !strings.Contains(out, "\ngopm: error: reload my-api: canary 4 did not become ready: ") || !strings.HasSuffix(out, "exit 1") {
		s.t.Errorf("gopm reload of a broken release prints\n%s", out)
	}
	if out := s.gopm("ls", "my-api"); !strings.Contains(out, "my-api: last reload aborted: canary 4 did not become ready") {
		s.t.Errorf("after a broken release gopm ls prints\n%s", out)
	}
	out = s.gopm("restart", "my-api")
	if !strings.Contains(out, "gopm: error: restart my-api: my-api@0.service is ") || !strings.HasSuffix(out, "tells why\nexit 1") {
		s.t.Errorf("gopm restart of a broken release prints\n%s", out)
	}
	s.must(s.Deploy(site.Good))
	s.says("my-api: online, 4 of 4 ready\nexit 0", "restart", "my-api")
}

// scales checks the number of workers, under load.
func (s scenario) scales() {
	s.t.Helper()
	keeps := func(old, now map[string]int) {
		s.t.Helper()
		for unit, pid := range now {
			if was, ok := old[unit]; ok && was != pid {
				s.t.Errorf("%s was replaced", unit)
			}
		}
	}
	old := s.exactly(4)
	s.lossless(s.under(load.KeepAlive, func() {
		s.says("my-api: online, 6 of 6 ready\nexit 0", "scale", "my-api", "+2")
		six := s.exactly(6)
		keeps(old, six)
		s.says("my-api: online, 5 of 5 ready\nexit 0", "scale", "my-api", "-1")
		keeps(six, s.exactly(5))
		s.says("my-api: online, 2 of 2 ready\nexit 0", "scale", "my-api", "2")
		keeps(old, s.exactly(2))
	}))
	s.says("gopm: error: scale my-api: it has 2, and one at least is left; gopm stop my-api stops it\nexit 1", "scale", "my-api", "-2")
	s.says("gopm: error: usage: an app has one worker at least; gopm stop stops it\nhint: gopm --help\nexit 2", "scale", "my-api", "0")

	// It outlives the app's stop, and another drop-in is not fought with.
	s.says("my-api: online, 2 of 2 ready\nexit 0", "restart", "my-api")
	const admin = "/etc/systemd/system/" + site.Activator + ".d/90-admin.conf"
	s.must(s.WriteFile(admin, "[Service]\nEnvironment=GOPM_INSTANCES=3\n"))
	s.systemctl("daemon-reload")
	s.says("gopm: error: scale my-api: GOPM_INSTANCES=3 is set by another drop-in, which counts more than /etc/systemd/system/"+
		site.Activator+".d/50-gopm-scale.conf: systemctl cat "+site.Activator+" shows it\nexit 1", "scale", "my-api", "5")
	kept, err := s.ReadFile("/etc/systemd/system/" + site.Activator + ".d/50-gopm-scale.conf")
	s.must(err)
	if !strings.Contains(kept, "Environment=GOPM_INSTANCES=2\n") {
		s.t.Errorf("the drop-in has\n%s", kept)
	}

	// The number may change by any way; one that is killed meanwhile is resumed.
	_, err = s.Run(s.t.Context(), "rm", admin)
	s.must(err)
	s.says("my-api: online, 4 of 4 ready\nexit 0", "scale", "my-api", "4")
	old = s.exactly(4)
	s.lossless(s.under(load.KeepAlive, func() {
		s.must(s.WriteFile("/etc/systemd/system/"+site.Activator+".d/50-gopm-scale.conf", "[Service]\nEnvironment=GOPM_INSTANCES=2\n"))
		s.systemctl("daemon-reload")
		for range 3 {
			s.killActivator()
		}
		s.eventually("those too many are gone", func() bool { return len(s.pids()) == 2 })
	}))
	keeps(old, s.exactly(2))
	s.says("my-api: online, 2 of 2 ready\nexit 0", "scale", "my-api", "2")
}
