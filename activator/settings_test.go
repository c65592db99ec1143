package activator

import (
	"reflect"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gopm/gopm/activator/watch"
)

func TestReadSettings(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want Settings
		err  string
	}{
		{want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max"}},
		{env: map[string]string{"GOPM_INSTANCES": "-1", "GOPM_WAIT_READY": "yes", "GOPM_MEMORY_LIMIT": "314572800"},
			want: Settings{App: "my-api", SettleTime: time.Second, Instances: "-1", WaitReady: true, MemoryLimit: 300 << 20}},
		{env: map[string]string{"GOPM_MODE": "fork", "GOPM_INSTANCES": "2"}, want: Settings{App: "my-api", SettleTime: time.Second, Instances: "2", Fork: true}},
		{env: map[string]string{"GOPM_MODE": "cluster"}, want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max"}},
		{env: map[string]string{"GOPM_MODE": "spoon"}, err: "GOPM_MODE=spoon is neither cluster nor fork"},
		{env: map[string]string{"GOPM_WATCH": "/srv/a:/srv/b/**/*.js:", "GOPM_WATCH_IGNORE": "/srv/a/logs", "GOPM_WATCH_DELAY": "500"},
			want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", WatchDelay: 500 * time.Millisecond, Watch: rules(t, "/srv/a", "/srv/b/**/*.js")("/srv/a/logs")}},
		{env: map[string]string{"GOPM_WATCH": `/srv/a\:b`, "GOPM_WATCH_DELAY": "0"},
			want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", WatchDelay: 100 * time.Millisecond, Watch: rules(t, `/srv/a\:b`)()}},
		{env: map[string]string{"GOPM_WATCH": "src"}, err: `GOPM_WATCH=, GOPM_WATCH_IGNORE=: "src" is not an absolute path`},
		{env: map[string]string{"GOPM_WATCH": "/srv", "GOPM_WATCH_DELAY": "1s"}, err: "GOPM_WATCH_DELAY=1s is not a number of milliseconds"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "/health?deep=1"},
			want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", Health: &HealthCheck{Path: "/health?deep=1", Interval: 10 * time.Second, Timeout: 5 * time.Second, Threshold: 3}}},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "connect", "GOPM_HEALTH_CHECK_INTERVAL": "500", "GOPM_HEALTH_CHECK_TIMEOUT": "100",
			"GOPM_HEALTH_CHECK_THRESHOLD": "1", "GOPM_HEALTH_CHECK_START_PERIOD": "0"},
			want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", Health: &HealthCheck{Interval: 500 * time.Millisecond, Timeout: 100 * time.Millisecond, Threshold: 1}}},
		{env: map[string]string{"GOPM_SURGE": "2", "GOPM_PARALLEL": "3"}, want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", Surge: 2, Parallel: 3}},
		{env: map[string]string{"GOPM_SETTLE_TIME": "0"}, want: Settings{App: "my-api", Instances: "max"}},
		{env: map[string]string{"GOPM_SETTLE_TIME": "1s"}, err: "GOPM_SETTLE_TIME=1s is not a number of milliseconds"},
		{env: map[string]string{"GOPM_SURGE": "0"}, err: "GOPM_SURGE=0 is not a number of workers"},
		{env: map[string]string{"GOPM_PARALLEL": "all"}, err: "GOPM_PARALLEL=all is not a number of workers"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "health"}, err: "GOPM_HEALTH_CHECK=health is neither a path, such as /health, nor connect"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "/ HTTP/1.1"}, err: "GOPM_HEALTH_CHECK=/ HTTP/1.1 is neither a path, such as /health, nor connect"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "/", "GOPM_HEALTH_CHECK_INTERVAL": "0"}, err: "GOPM_HEALTH_CHECK_INTERVAL=0 is too short: the least is 1 milliseconds"},
		{env: map[string]string{"GOPM_HANG_TIMEOUT": "30000"}, want: Settings{App: "my-api", SettleTime: time.Second, Instances: "max", HangTimeout: 30 * time.Second}},
		{env: map[string]string{"GOPM_HANG_TIMEOUT": "30s"}, err: "GOPM_HANG_TIMEOUT=30s is not a number of milliseconds"},
		{env: map[string]string{"GOPM_HANG_TIMEOUT": "30"}, err: "GOPM_HANG_TIMEOUT=30 is too short: the least is 1000 milliseconds"},
		{env: map[string]string{"GOPM_HANG_TIMEOUT": "30000", "GOPM_MODE": "fork"}, err: "GOPM_HANG_TIMEOUT= needs GOPM_MODE=cluster: in fork mode an app is not asked"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "/", "GOPM_HEALTH_CHECK_THRESHOLD": "0"}, err: "GOPM_HEALTH_CHECK_THRESHOLD=0 is not a number from 1"},
		{env: map[string]string{"GOPM_HEALTH_CHECK": "/", "GOPM_MODE": "fork"}, err: "GOPM_HEALTH_CHECK= needs GOPM_MODE=cluster: in fork mode an app's listener is its own"},
		{env: map[string]string{"GOPM_INSTANCES": "many"}, err: "GOPM_INSTANCES=many is neither a number nor max"},
		{env: map[string]string{"GOPM_WAIT_READY": "1"}, err: "GOPM_WAIT_READY=1 is neither yes nor no"},
		{env: map[string]string{"GOPM_MEMORY_LIMIT": "300M"}, err: "GOPM_MEMORY_LIMIT=300M is not a number of bytes"},
	}
	for _, test := range tests {
		got, err := ReadSettings("my-api", func(name string) string { return test.env[name] })
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%v: error is %v, want %s", test.env, err, test.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v: settings are %+v, %v; want %+v", test.env, got, err, test.want)
		}
	}
	if _, err := ReadSettings("../etc", func(string) string { return "" }); err == nil {
		t.Error("../etc passes for an app")
	}
}

// rules are those of paths to watch, then of paths to ignore.
func rules(t *testing.T, entries ...string) func(ignore ...string) *watch.Rules {
	return func(ignore ...string) *watch.Rules {
		r, err := watch.NewRules(entries, ignore)
		if err != nil {
			t.Fatal(err)
		}
		return &r
	}
}

func TestWorkers(t *testing.T) {
	tests := []struct {
		instances string
		cpus      int
		want      int
	}{
		{"max", 8, 8}, {"0", 8, 8}, {"4", 2, 4}, {"-1", 8, 7}, {"-9", 8, 1}, {"max", 1, 1},
	}
	for _, test := range tests {
		if got := (Settings{Instances: test.instances}).Workers(test.cpus); got != test.want {
			t.Errorf("%s on %d CPUs are %d workers, want %d", test.instances, test.cpus, got, test.want)
		}
	}
}

func TestPace(t *testing.T) {
	tests := []struct {
		settings        Settings
		count           int
		surge, parallel int
	}{
		{Settings{}, 1, 1, 1},
		{Settings{}, 3, 1, 1},
		{Settings{}, 4, 2, 2},
		{Settings{}, 23, 2, 2},
		{Settings{}, 24, 3, 3},
		{Settings{}, 64, 8, 8},
		{Settings{Parallel: 3}, 8, 3, 3},
		{Settings{Parallel: 3, Surge: 1}, 8, 1, 3},
		{Settings{Surge: 1}, 8, 1, 2},
		{Settings{Parallel: 9, Surge: 9}, 4, 4, 4},
		{Settings{Fork: true}, 64, 1, 1},
		{Settings{Fork: true, Parallel: 4}, 64, 4, 4},
	}
	for _, test := range tests {
		if surge, parallel := test.settings.Pace(test.count); surge != test.surge || parallel != test.parallel {
			t.Errorf("%+v with %d workers: %d surge workers, %d at a time; want %d and %d", test.settings, test.count, surge, parallel, test.surge, test.parallel)
		}
	}
}

func TestInstance(t *testing.T) {
	s := Settings{App: "my-api"}
	for unit, want := range map[string]int{"my-api@0.service": 0, "my-api@12.service": 12} {
		if got, ok := s.instance(unit); !ok || got != want || s.unit(want) != unit {
			t.Errorf("%s is instance %d, %v; want %d", unit, got, ok, want)
		}
	}
	for _, unit := range []string{"my-api@.service", "my-api@-1.service", "my-api@01.service", "my-api@x.service", "my-api@1.socket", "my-api-2@1.service"} {
		if n, ok := s.instance(unit); ok {
			t.Errorf("%s passes for instance %d", unit, n)
		}
	}
}

func TestQuota(t *testing.T) {
	const group = "0::/system.slice/gopm.service\n"
	tests := map[string]struct {
		files map[string]string
		want  int
	}{
		"half a CPU more than one": {map[string]string{"proc/self/cgroup": group, "sys/fs/cgroup/system.slice/gopm.service/cpu.max": "150000 100000\n"}, 2},
		"of a cgroup above":        {map[string]string{"proc/self/cgroup": group, "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n", "sys/fs/cgroup/system.slice/gopm.service/cpu.max": "max 100000\n"}, 3},
		"of the container's root":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1},
	}
	for name, test := range tests {
		host := fstest.MapFS{}
		for file, text := range test.files {
			host[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := quota(host); got != test.want {
			t.Errorf("%s: %d CPUs, want %d", name, got, test.want)
		}
	}
	if got := quota(fstest.MapFS{"proc/self/cgroup": {Data: []byte("1:cpu:/x\n0::/\n")}}); got < 1<<20 {
		t.Errorf("without a quota the limit is %d CPUs", got)
	}
}
