package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/terminal"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// shown is a fleet in many states.
func shown() fleet.Fleet {
	f := fleetOf("my-api", "shop")
	cpu, memory := 12.34, int64(68<<20)
	for i := range f.Apps[0].Workers {
		w := &f.Apps[0].Workers[i]
		w.Began, w.CPU, w.Memory, w.Restarts = noon.Add(-25*time.Hour), &cpu, &memory, 3
	}
	f.Apps[0].Unseen = "gopm-activator@my-api.service has not answered within 1s"
	f.Apps[0].Workers[1].State, f.Apps[0].Roll = control.Draining, &control.Roll{Reason: "reload", Done: 2, Total: 2, Doing: "restart my-api@1.service"}
	shop := &f.Apps[1]
	shop.State, shop.Ready, shop.Aborted = fleet.Partial, 1, "the canary\x1b[2J failed"
	shop.Workers[1] = fleet.Worker{Worker: control.Worker{Instance: 1, State: fleet.WorkerFailed}}
	f.Apps = append(f.Apps, fleet.App{Name: "worker", Title: "worker", State: fleet.Stopped, Mode: "fork"})
	return f
}

func TestPrintFleet(t *testing.T) {
	tests := map[int]string{
		80: `app     id  mode     pid  uptime  ↺  status      cpu     mem
my-api   0  cluster  100      1D  3  ready     12.3%  68.0mb
my-api   1  cluster  101      1D  3  draining  12.3%  68.0mb
shop     0  cluster  100       -  0  ready         -       -
shop     1  cluster    -       -  0  failed        -       -
worker   -  fork       -       -  -  stopped       -       -

my-api: rolling 2/2 (reload): restart my-api@1.service
my-api: less is shown: gopm-activator@my-api.service has not answered within 1s
shop: partial, 1 of 2 ready
shop: last reload aborted: the canary?[2J failed
`,
		48: `app     id  uptime  ↺  status      cpu     mem
my-api   0      1D  3  ready     12.3%  68.0mb
my-api   1      1D  3  draining  12.3%  68.0mb
shop     0       -  0  ready         -       -
shop     1       -  0  failed        -       -
worker   -       -  -  stopped       -       -

my-api: rolling 2/2 (reload): restart my-api@1.…
my-api: less is shown: gopm-activator@my-api.se…
shop: partial, 1 of 2 ready
shop: last reload aborted: the canary?[2J failed
`,
	}
	for width, want := range tests {
		w, stdout := outside()
		if err := printFleet(w, shown(), terminal.Terminal{Width: width}, noon); err != nil || stdout.String() != want {
			t.Errorf("%d columns: prints, %v:\n%s\nwant:\n%s", width, err, stdout, want)
		}
	}
}

// What workers measure of themselves has columns where any of them tells it.
func TestMeasures(t *testing.T) {
	f := fleetOf("my-api")
	connections := 17
	f.Apps[0].Workers[1].Measures = &control.Measures{RequestsPerSecond: 12.34, Connections: &connections, EventLoopDelay: &control.Delay{Mean: 0.56}}
	w, stdout := outside()
	const want = `app     id  mode     pid  uptime  ↺  status  cpu  mem  conns  req/s   loop
my-api   0  cluster  100       -  0  ready     -    -      -      -      -
my-api   1  cluster  101       -  0  ready     -    -     17   12.3  0.6ms
`
	if err := printFleet(w, f, terminal.Terminal{Width: 80}, noon); err != nil || stdout.String() != want {
		t.Errorf("prints, %v:\n%s\nwant:\n%s", err, stdout, want)
	}
}

// Colours change no column, and tell what is well from what is not.
func TestColours(t *testing.T) {
	plain, coloured := printed(t, false), printed(t, true)
	for _, code := range []string{red, green, yellow, reset} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if coloured != plain {
		t.Errorf("without its colours it is\n%s\nwant\n%s", coloured, plain)
	}
	text := printed(t, true)
	for _, want := range []string{green + "ready   " + reset, yellow + "draining" + reset, red + "failed  " + reset, red + "stopped " + reset} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

func printed(t *testing.T, colour bool) string {
	t.Helper()
	w, stdout := outside()
	if err := printFleet(w, shown(), terminal.Terminal{Is: true, Colour: colour, Width: 80}, noon); err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}

func TestUptime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m", time.Hour: "1h", 47 * time.Hour: "1D", 48 * time.Hour: "2D",
	} {
		if got := uptime(noon.Add(-d), noon); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}

// What exporters and scripts look at is under PM2's names.
func TestJlist(t *testing.T) {
	f := shown()
	f.Apps[0].Workers[0].Metrics = map[string]control.Metric{"Loop delay": {Value: json.RawMessage(`"0.5"`), Unit: "ms"}}
	f.Apps[0].Workers[0].Measures = &control.Measures{HeapUsed: 10 << 20, HeapTotal: 12 << 20, RequestsPerSecond: 2}
	f.Apps[0].Workers[0].Actions = []string{"km:heapdump"}
	commands := map[fleet.ID]command{{Name: "my-api"}: {dir: "/srv/my-api", user: "my-api", interpreter: "node", script: "/srv/my-api/src/index.js", restarts: true}}
	list := jlist(f, commands, noon)
	first, err := json.Marshal(list[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"pid":100,"name":"my-api!","pm2_env":{"name":"my-api!","namespace":"default","pm_id":910380000,"NODE_APP_INSTANCE":0,"instances":2,` +
		`"exec_mode":"cluster_mode","status":"online","pm_uptime":1795172400000,"created_at":1795172400000,"restart_time":3,"unstable_restarts":0,` +
		`"autorestart":true,"watch":false,"username":"my-api","pm_cwd":"/srv/my-api","pm_exec_path":"/srv/my-api/src/index.js","exec_interpreter":"node","version":"N/A",` +
		`"axm_monitor":{"HTTP":{"value":"120.00","unit":"req/min"},"Heap Size":{"value":"12.00","unit":"MiB"},"Loop delay":{"value":"0.5","unit":"ms"},"Used Heap Size":{"value":"10.00","unit":"MiB"}},"axm_actions":[{"action_name":"km:heapdump"}],"axm_options":{},"gopm_unit":""},` +
		`"pm_id":910380000,"monit":{"memory":71303168,"cpu":12.3}}`
	if string(first) != want {
		t.Errorf("the first is\n%s\nwant\n%s", first, want)
	}
	var statuses []string
	for _, p := range list {
		statuses = append(statuses, p.Name+" "+p.Env.Status)
	}
	if got, want := strings.Join(statuses, ", "), "my-api! online, my-api! stopping, shop! online, shop! errored, worker stopped"; got != want {
		t.Errorf("the list is %s, want %s", got, want)
	}
}

// Each worker has a number, and keeps it when another app comes.
func TestNumbers(t *testing.T) {
	f := fleetOf("shop", "shop")
	f.Apps[1].Run = "/run/gopm/run-1"
	before := jlist(f, map[fleet.ID]command{{Name: "shop"}: {script: "old.js"}, {Name: "shop", Run: "/run/gopm/run-1"}: {script: "new.js"}}, noon)
	if old, now := before[0].Env.Script, before[2].Env.Script; old != "old.js" || now != "new.js" {
		t.Errorf("systemd's shop runs %s, that of a run %s", old, now)
	}
	f.Apps = append(fleetOf("my-api", "a").Apps, f.Apps...)
	after := jlist(f, nil, noon)
	seen := map[int]bool{}
	for i, p := range after {
		if seen[p.ID] || p.ID != p.Env.ID || p.ID >= 1<<31 || p.ID%perApp != p.Env.Instance {
			t.Errorf("%s has the number %d for its instance %d", p.Name, p.ID, p.Env.Instance)
		}
		seen[p.ID] = true
		if old := i - (len(after) - len(before)); old >= 0 && p.ID != before[old].ID {
			t.Errorf("%s had the number %d and has %d", p.Name, before[old].ID, p.ID)
		}
	}
}

func TestCommandOf(t *testing.T) {
	tests := map[string]string{
		"/usr/bin/gopm-activator exec --pin my-api %i -- node --require x.cjs src/index.js -p 1": "node /srv/a/src/index.js",
		"/usr/bin/gopm-activator exec my-api 0 -- node src/index.js":                             "node /srv/a/src/index.js",
		"/usr/bin/gopm-activator exec my-api 0 -- /usr/bin/env A=b /usr/bin/node /srv/b/x.js":    "node /srv/b/x.js",
		"/usr/bin/python3 -u app.py": "python3 /srv/a/app.py",
		"/opt/server":                "server /opt/server",
	}
	for line, want := range tests {
		c := commandOf(systemd.Service{Dir: "/srv/a", Exec: strings.Fields(line)})
		if got := c.interpreter + " " + c.script; got != want || c.user != "root" {
			t.Errorf("%s is %s of %s, want %s", line, got, c.user, want)
		}
	}
	if c := commandOf(systemd.Service{}); c.script != "" {
		t.Errorf("a unit that there is not has the command %+v", c)
	}
}
