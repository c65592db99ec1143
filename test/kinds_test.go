package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/site"
)

// kinds is a machine with examples/kinds, whose ecosystem file was converted
// there, as an administrator would.
type kinds struct{ scenario }

const (
	kindsRoot = "/srv/kinds"
	kindsFile = kindsRoot + "/ecosystem.config.js"
)

// generated are the folders below /usr/lib that gopm-gen writes to.
const generated = "systemd/system systemd/system-preset sysusers.d tmpfiles.d"

// bootKinds boots the machine and starts the apps.
func bootKinds(t *testing.T) kinds {
	t.Helper()
	node, err := nodes.Path(24)
	if err != nil {
		t.Fatal(err)
	}
	k := kinds{boot(t, site.Options{Folders: map[string]string{"/usr/local": filepath.Dir(filepath.Dir(node))}})}
	example := os.DirFS("../examples/kinds")
	k.must(fs.WalkDir(example, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(example, name)
		if err != nil {
			return err
		}
		return k.WriteFile(kindsRoot+"/"+name, string(text))
	}))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", t.TempDir()+"/hello", "../examples/kinds/hello")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("build hello: %v\n%s", err, out)
	}
	hello, err := os.ReadFile(build.Args[3])
	k.must(err)
	k.must(k.WriteFile(kindsRoot+"/hello/hello", string(hello)))
	k.shell("chmod 755 " + kindsRoot + "/hello/hello")
	// A machine's /usr is read-only here. What the host's packages declare stays
	// out of it: not all of it is there.
	k.shell("mkdir -p /var/usr/systemd && cp -a /usr/lib/systemd/system /var/usr/systemd")
	k.shell("for dir in " + generated + "; do mkdir -p /var/usr/$dir && mount --bind /var/usr/$dir /usr/lib/$dir || exit; done")
	t.Cleanup(func() {
		if t.Failed() {
			// The test's own context has ended.
			out, err := k.Run(context.Background(), "journalctl", "--boot", "--no-pager", "--output=short-monotonic", "--grep=.", "--lines=400")
			t.Logf("the journal: %v\n%s", err, out)
		}
	})
	k.convert()
	return k
}

// shell runs a line of the administrator's.
func (s scenario) shell(line string) string {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "sh", "-c", line)
	s.must(err)
	return out
}

// convert converts the file on the machine, and does what gopm-gen says is next
// but for what begins as one of the lines left out.
func (k kinds) convert(leftOut ...string) {
	k.t.Helper()
	report := k.shell("gopm-gen --output / " + kindsFile)
	_, next, ok := strings.Cut(report, "\nnext:\n")
	if !ok {
		k.t.Fatalf("gopm-gen says not what is next:\n%s", report)
	}
	for line := range strings.Lines(next) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "sudo ")
		if !slices.ContainsFunc(leftOut, func(begin string) bool { return strings.HasPrefix(line, begin) }) {
			k.shell(line)
		}
	}
}

// app is a handle on an app's units.
func (k kinds) app(name string) forkApp { return forkApp{scenario: k.scenario, name: name} }

// answer is what the apps' servers say.
type answer struct {
	PID      int
	Instance string
	Title    string
	Ready    bool
}

// get asks a server on the machine.
func (k kinds) get(port int, path string) (answer, error) {
	client := http.Client{Transport: &http.Transport{DialContext: k.Dial, DisableKeepAlives: true}}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var a answer
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	return a, err
}

// serves waits until an app's process answers on a port, and returns its answer.
func (k kinds) serves(name string, instance, port int) answer {
	k.t.Helper()
	var a answer
	k.eventually(fmt.Sprintf("%s@%d answers on port %d", name, instance, port), func() bool {
		pid, err := k.MainPID(k.t.Context(), k.app(name).unit(instance))
		k.must(err)
		a, err = k.get(port, "/")
		return err == nil && a.PID == pid
	})
	return a
}

// again waits until an app's first instance is another process than pid.
func (k kinds) again(name string, port, pid int) int {
	k.t.Helper()
	k.eventually(fmt.Sprintf("%s is not process %d any more", name, pid), func() bool {
		now, err := k.MainPID(k.t.Context(), k.app(name).unit(0))
		k.must(err)
		return now != 0 && now != pid
	})
	return k.serves(name, 0, port).PID
}

// single checks an app of one process: it comes back after a crash, and a
// reload and a restart start another.
func (k kinds) single(name string, port int) {
	k.t.Helper()
	pid := k.serves(name, 0, port).PID
	k.must(k.Kill(k.t.Context(), k.app(name).unit(0), "KILL"))
	pid = k.again(name, port, pid)
	for _, verb := range []string{"reload", "restart"} {
		k.systemctl(verb, name+".target")
		now := k.app(name).running(1)[k.app(name).unit(0)]
		if now == pid {
			k.t.Errorf("%s is process %d after a %s too", name, pid, verb)
		}
		pid = now
	}
	k.serves(name, 0, port)
}

// everyone are the processes of all apps that go on running, by unit.
func (k kinds) everyone() map[string]int {
	k.t.Helper()
	args := []string{"show", "--value", "--property=ActiveState,MainPID"}
	pids := map[string]int{}
	var names []string
	for app, n := range map[string]int{"web": 2, "api": 1, "model": 1, "hello": 1, "shard": 2, "dev": 1, "cart": 1, "search": 1, "queue": 1} {
		for i := range n {
			names = append(names, k.app(app).unit(i))
		}
	}
	shown := strings.Split(k.systemctl(append(args, names...)...), "\n\n")
	for i, name := range names {
		for field := range strings.FieldsSeq(shown[i]) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids[name] = pid
			} else if field != "active" {
				k.t.Errorf("%s is %s", name, field)
			}
		}
	}
	return pids
}

// moment is when a unit got into a state, in microseconds.
func (k kinds) moment(unit, property string) int {
	k.t.Helper()
	value, err := k.Property(k.t.Context(), unit, property+"TimestampMonotonic")
	k.must(err)
	n, err := strconv.Atoi(value)
	k.must(err)
	return n
}

// ended checks that an instance has ended well, and is not started again.
func (k kinds) ended(unit string) {
	k.t.Helper()
	k.eventually(unit+" has ended", func() bool { return k.state(unit) == "inactive" })
	if result := k.systemctl("show", "--value", "--property=Result,SubState", unit); result != "success\ndead" && result != "dead\nsuccess" {
		k.t.Errorf("%s has ended with %q", unit, result)
	}
}

func TestKinds(t *testing.T) {
	k := bootKinds(t)
	k.everyone()
	steps := []struct {
		name string
		does func(kinds)
	}{
		{"installed", kinds.installed}, {"cluster", kinds.cluster}, {"fork", kinds.fork}, {"environment", kinds.environment},
		{"one-shot", kinds.oneShot}, {"python", kinds.python}, {"binary", kinds.binary}, {"increment", kinds.increment},
		{"watch", kinds.watch}, {"namespace", kinds.namespace}, {"memory", kinds.memory}, {"ready", kinds.ready},
		{"cron", kinds.cron}, {"still ended", kinds.oneShot}, {"removal", kinds.removal},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) { step.does(kinds{scenario{k.Site, t}}) })
	}
}

// installed: nothing is left to do, and systemd has nothing to say.
func (k kinds) installed() {
	if out := k.shell("cd /usr/lib/systemd/system && systemd-analyze verify --man=no $(grep -ls 'Generated by gopm-gen from " + kindsFile + "' *.target *.socket *.service *.timer | sed s/@/@0/) 2>&1"); out != "" {
		k.t.Errorf("systemd-analyze verify prints:\n%s", out)
	}
	if out := k.shell("gopm-gen --diff --output / " + kindsFile + " && gopm-gen --diff " + kindsFile); out != "" {
		k.t.Errorf("--diff prints:\n%s", out)
	}
	files := "cd /usr/lib && find " + generated + " /etc/gopm /etc/logrotate.d -printf '%p %i %m %T@\\n' | sort"
	before := k.shell(files)
	k.shell("gopm-gen --output / " + kindsFile)
	if after := k.shell(files); after != before {
		k.t.Errorf("a second run changed files:\n%s\nwere\n%s", after, before)
	}
}

func (k kinds) cluster() {
	web := k.app("web")
	old := web.running(2)
	k.lossless(k.under(load.KeepAlive, func() {
		k.systemctl("reload", "web.target")
	}))
	replaced := web.running(2)
	for unit, pid := range replaced {
		if pid == old[unit] {
			k.t.Errorf("%s is process %d after a reload too", unit, pid)
		}
	}
	// A crash is that of one worker.
	if _, err := k.get(3000, "/exit/1"); err == nil {
		k.t.Error("an answer from a worker that exits")
	}
	k.eventually("one worker is another", func() bool {
		other := 0
		for i := range 2 {
			pid, err := k.MainPID(k.t.Context(), web.unit(i))
			k.must(err)
			if pid != 0 && pid != replaced[web.unit(i)] && k.state(web.unit(i)) == "active" {
				other++
			}
		}
		return other == 1
	})
	web.running(2)
}

// fork: a crash starts it again, and an exit with 3 does not.
func (k kinds) fork() {
	k.single("api", 3001)
	pid := k.serves("api", 0, 3001).PID
	k.get(3001, "/exit/1")
	k.again("api", 3001, pid)
	k.get(3001, "/exit/3")
	k.ended("api@0.service")
	k.systemctl("start", "api@0.service")
	k.serves("api", 0, 3001)
}

// environment: the process has what the file says, and the unit no secret.
func (k kinds) environment() {
	const secret = `correct horse "battery" $staple`
	pid := k.serves("api", 0, 3001).PID
	environ, err := k.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	k.must(err)
	variables := strings.Split(environ, "\x00")
	for _, want := range []string{"API_TOKEN=" + secret, "GREETING=good\nmorning", "REGION=north", "PORT=3001"} {
		if !slices.Contains(variables, want) {
			k.t.Errorf("the process has no %q in %q", want, variables)
		}
	}
	if mode := k.shell("stat -c '%a %U:%G' /etc/gopm/api.env"); mode != "600 root:root" {
		k.t.Errorf("the file with the secret is %s", mode)
	}
	if out := k.shell("grep -rl 'correct horse' /usr/lib/systemd /etc/systemd; systemctl show api@0.service api.target | grep 'correct horse'; true"); out != "" {
		k.t.Errorf("the secret is in\n%s", out)
	}
}

// oneShot: it has run once, whenever one looks.
func (k kinds) oneShot() {
	k.ended("migrate@0.service")
	text, err := k.ReadFile(kindsRoot + "/logs/migrate.log")
	k.must(err)
	var line struct {
		Message, Timestamp, Type, App_name string
		Process_id                         int
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		k.t.Fatalf("the log is not one JSON object: %v\n%s", err, text)
	}
	if line.Message != "the tables are\nas they should be\n" || line.Type != "out" || line.App_name != "migrate" || line.Timestamp == "" {
		k.t.Errorf("the log says %s", text)
	}
}

func (k kinds) python() { k.single("model", 3004) }

func (k kinds) binary() { k.single("hello", 3005) }

// increment: a port for each instance, and a reload one by one.
func (k kinds) increment() {
	shard := k.app("shard")
	old := map[string]int{}
	for i := range 2 {
		a := k.serves("shard", i, 3006+i)
		if a.Instance != strconv.Itoa(i) {
			k.t.Errorf("instance %d takes itself for %q", i, a.Instance)
		}
		old[shard.unit(i)] = a.PID
	}
	k.systemctl("reload", "shard.target")
	for unit, pid := range shard.running(2) {
		if pid == old[unit] {
			k.t.Errorf("%s is process %d after a reload too", unit, pid)
		}
	}
	if back, gone := k.moment(shard.unit(0), "ActiveEnter"), k.moment(shard.unit(1), "ActiveExit"); back > gone {
		k.t.Errorf("the second instance went at %d, before the first was back at %d", gone, back)
	}
	for i := range 2 {
		pid := k.serves("shard", i, 3006+i).PID
		k.must(k.Kill(k.t.Context(), shard.unit(i), "KILL"))
		k.eventually("it is back", func() bool {
			a, err := k.get(3006+i, "/")
			return err == nil && a.PID != pid
		})
	}
}

func (k kinds) watch() {
	if title := k.serves("dev", 0, 3008).Title; title != "first" {
		k.t.Errorf("the page is %q", title)
	}
	k.must(k.WriteFile(kindsRoot+"/page/page.json", `{ "title": "second" }`))
	k.eventually("the change is seen", func() bool {
		a, err := k.get(3008, "/")
		return err == nil && a.Title == "second"
	})
	k.single("dev", 3008)
}

// namespace: what is done to it is done to its apps, and to no other.
func (k kinds) namespace() {
	theirs := func(unit string) bool { return strings.HasPrefix(unit, "cart@") || strings.HasPrefix(unit, "search@") }
	old := k.everyone()
	k.systemctl("reload", "shop.target")
	k.serves("cart", 0, 3009)
	k.serves("search", 0, 3010)
	for unit, pid := range k.everyone() {
		if (pid != old[unit]) != theirs(unit) {
			k.t.Errorf("reload of shop.target: %s was %d and is %d", unit, old[unit], pid)
		}
	}
	old = k.everyone()
	k.systemctl("stop", "shop.target")
	for unit, pid := range old {
		now, err := k.MainPID(k.t.Context(), unit)
		k.must(err)
		if theirs(unit) && (now != 0 || k.state(unit) != "inactive") || !theirs(unit) && now != pid {
			k.t.Errorf("stop of shop.target: %s was %d and is %d, %s", unit, pid, now, k.state(unit))
		}
	}
	k.systemctl("start", "shop.target")
	k.single("cart", 3009)
	k.single("search", 3010)
}

func (k kinds) memory() {
	pid := k.serves("search", 0, 3010).PID
	for range 3 {
		if _, err := k.get(3010, "/fill"); err != nil {
			k.t.Fatal(err)
		}
	}
	k.again("search", 3010, pid)
	k.app("search").logs("gopm-activator@search.service", "over its limit of 150 MiB (max_memory_restart)")
}

// ready: its start takes as long as it says, and it is told of its stop.
func (k kinds) ready() {
	queue := k.app("queue")
	k.single("queue", 3011)
	k.systemctl("stop", "queue.target")
	queue.logs(queue.unit(0), "the queue is empty")
	k.ended(queue.unit(0))
	k.systemctl("start", "queue.target")
	a, err := k.get(3011, "/")
	if err != nil || !a.Ready {
		k.t.Errorf("started, the queue says %+v, %v", a, err)
	}
	const second = 1e6
	if took := k.moment(queue.unit(0), "ActiveEnter") - k.moment(queue.unit(0), "InactiveExit"); took < second {
		k.t.Errorf("the start took %d µs, less than the queue takes to be ready", took)
	}
}

// cron: the timer starts the job again and again.
func (k kinds) cron() {
	k.eventually("the job has run often", func() bool {
		out := k.shell("journalctl --boot --output=cat --unit=report@0.service | grep -cE '^[0-9-]{10}T[0-9:]{8}: the report is written$'; true")
		n, err := strconv.Atoi(out)
		k.must(err)
		return n >= 20
	})
	if state := k.state("report-restart.service"); state == "failed" {
		k.t.Error("report-restart.service has failed")
	}
}

// removal: an app that is not in the file any more has no units either.
func (k kinds) removal() {
	text, err := k.ReadFile(kindsFile)
	k.must(err)
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "name: 'hello'") {
			kept = append(kept, line)
		}
	}
	k.must(k.WriteFile(kindsFile, strings.Join(kept, "")))
	old := k.everyone()
	// The other apps need nothing.
	k.convert("systemctl enable", "systemctl reload")
	if out := k.shell("cd /usr/lib && find " + generated + " /etc/systemd/system -name '*hello*'"); out != "" {
		k.t.Errorf("these are left of hello:\n%s", out)
	}
	if state := k.systemctl("show", "--value", "--property=LoadState,ActiveState", "hello@0.service"); !strings.Contains(state, "inactive") {
		k.t.Errorf("hello@0.service is %s", state)
	}
	if _, err := k.get(3005, "/"); err == nil {
		k.t.Error("hello still answers")
	}
	for unit, pid := range old {
		now, err := k.MainPID(k.t.Context(), unit)
		k.must(err)
		if unit != "hello@0.service" && now != pid {
			k.t.Errorf("%s was %d and is %d", unit, pid, now)
		}
	}
	k.oneShot()
}
