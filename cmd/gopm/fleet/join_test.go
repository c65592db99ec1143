package fleet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

// unit is one in a state, such as "active" or "activating/auto-restart".
func unit(name, state string) systemd.Unit {
	active, sub, _ := strings.Cut(state, "/")
	return systemd.Unit{Name: name, Description: name, Active: active, Sub: sub}
}

// told is an activator's status, whose workers have the states given.
func told(ready int, states ...control.State) *control.Status {
	s := &control.Status{Mode: "cluster", Instances: len(states), Ready: ready}
	for i, state := range states {
		s.Workers = append(s.Workers, control.Worker{Instance: i, State: state, PID: 100 + i})
	}
	return s
}

func TestJoin(t *testing.T) {
	tests := map[string]struct {
		plain  bool // it has no activator
		units  map[string]string
		status *control.Status
		want   string
	}{
		"all is well": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "active", "a@1.service": "active"},
			status: told(2, "ready", "ready"),
			want:   "online 2/2 0:ready 1:ready",
		},
		"one crashes again and again": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "active", "a@1.service": "activating/auto-restart"},
			status: told(1, "ready", "missing"),
			want:   "partial 1/2 0:ready 1:restarting",
		},
		"one has failed": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "active", "a@1.service": "failed"},
			status: told(1, "ready", "missing"),
			want:   "partial 1/2 0:ready 1:failed",
		},
		"all have failed": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "failed"},
			status: told(0, "missing"),
			want:   "failed 0/1 0:failed",
		},
		"it starts": {
			units:  map[string]string{"a.target": "inactive", "gopm-activator@a.service": "activating", "a@0.service": "activating/start-post"},
			status: told(0, "starting"),
			want:   "starting 0/1 0:starting",
		},
		"a reload stands in": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "deactivating", "a@1.service": "active"},
			status: &control.Status{Mode: "cluster", Instances: 1, Ready: 0, Roll: &control.Roll{}, Workers: []control.Worker{{Instance: 0, State: "draining"}, {Instance: 1, State: "ready"}}},
			want:   "online 0/1 0:draining 1:ready",
		},
		"the activator says nothing": {
			units: map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "active", "a@1.service": "deactivating"},
			want:  "partial 1/2 0:ready 1:stopping",
		},
		"it has just been started": {
			units:  map[string]string{"a.target": "active", "gopm-activator@a.service": "active", "a@0.service": "active"},
			status: told(0, "missing"),
			want:   "starting 0/1 0:starting",
		},
		"it stops":                {units: map[string]string{"a.target": "inactive", "gopm-activator@a.service": "deactivating"}, want: "stopping 0/0"},
		"it was stopped":          {units: map[string]string{"a.target": "inactive"}, want: "stopped 0/0"},
		"nothing of it is loaded": {want: "stopped 0/0"},
		"the activator has failed": {
			units: map[string]string{"a.target": "active", "gopm-activator@a.service": "failed"},
			want:  "failed 0/0",
		},
		"without an activator": {
			plain: true,
			units: map[string]string{"a.target": "active", "a@0.service": "active", "a@1.service": "inactive", "a@x.service": "active"},
			want:  "partial 1/2 0:ready 1:stopped",
		},
	}
	for name, test := range tests {
		s := seen{name: "a", supervised: !test.plain, units: map[string]systemd.Unit{}, status: test.status}
		for u, state := range test.units {
			s.units[u] = unit(u, state)
		}
		a := join(s)
		got := fmt.Sprintf("%s %d/%d", a.State, a.Ready, a.Instances)
		for _, w := range a.Workers {
			got += fmt.Sprintf(" %d:%s", w.Instance, w.State)
		}
		if got != test.want || a.Title != "a" {
			t.Errorf("%s: it is %s (%q), want %s", name, got, a.Title, test.want)
		}
	}
}

// Only who is told how many instances there are can say that one is none of them.
func TestLacks(t *testing.T) {
	running := map[string]systemd.Unit{"gopm-activator@a.service": unit("gopm-activator@a.service", "active")}
	surge := told(2, "ready", "ready", "starting")
	surge.Instances = 2
	for name, test := range map[string]struct {
		seen seen
		want string // of the instances 1, 2 and 3
	}{
		"it runs":                    {seen{name: "a", supervised: true, units: running, status: told(2, "ready", "ready")}, "[false true true]"},
		"with a surge worker":        {seen{name: "a", supervised: true, units: running, status: surge}, "[false false true]"},
		"its activator says nothing": {seen{name: "a", supervised: true, units: running, unseen: "denied"}, "[false false false]"},
		"it is stopped":              {seen{name: "a", supervised: true}, "[false false false]"},
		"without an activator":       {seen{name: "a"}, "[false false false]"},
	} {
		a := join(test.seen)
		if got := fmt.Sprint([]bool{a.Lacks(1), a.Lacks(2), a.Lacks(3)}); got != test.want {
			t.Errorf("%s: it lacks %s, want %s", name, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	f := Fleet{Apps: []App{{Name: "a", Title: "my app"}, {Name: "b", Title: "a"}, {Name: "c"}, {Name: "c", Run: "/tmp/gopm-7/run-12"}, {Name: "all"}}}
	if got := strings.Join(f.Names(), " "); got != "a b systemd/c run-12/c systemd/all" {
		t.Errorf("they are called %s", got)
	}
	for name, want := range map[string][]ID{
		"a": {{"a", ""}}, "my app": {{"a", ""}}, "c": {{"c", ""}, {"c", "/tmp/gopm-7/run-12"}}, "run-12/c": {{"c", "/tmp/gopm-7/run-12"}}, "run-12/a": nil,
		"systemd/c": {{"c", ""}}, "systemd/a": {{"a", ""}},
	} {
		var got []ID
		for _, a := range f.Find(name) {
			got = append(got, a.ID())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", name, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	host := fstest.MapFS{
		"usr/lib/systemd/system/gopm-activator@my-api.service.d/10-gopm.conf":     {Data: []byte("[Service]\n")},
		"usr/lib/systemd/system/gopm-activator@.service":                          {},
		"etc/systemd/system/gopm-activator@gone.service.d/50-gopm-scale.conf":     {},
		"etc/systemd/system/gopm-activator@.service.d/10-gopm.conf":               {},
		"usr/lib/systemd/system/plain-reload.service":                             {Data: []byte(mark + " from /srv/x.\n")},
		"usr/lib/systemd/system/other-reload.service":                             {Data: []byte("[Unit]\n")},
		"run/systemd/generator/gopm-activator@booted.service.d/10-gopm.conf":      {},
		"home/dev/.config/systemd/user/gopm-activator@own.service.d/10-gopm.conf": {},
	}
	got := fmt.Sprint(find(host, []string{"/etc/systemd/system", "/run/systemd/generator", "/run/missing", "/usr/lib/systemd/system"}))
	if want := "map[booted:true my-api:true plain:false]"; got != want {
		t.Errorf("apps are %s, want %s", got, want)
	}
}

// The program's name may have what separates the fields.
func TestReadProcess(t *testing.T) {
	p := parseStat([]byte("7 (a) b 1) S 1 7 7 0 -1 4194560 1 2 3 4 55 66 0 0 20 0 11 0 12345 1000000 2000 18446744073709551615\n"))
	if p.began.Milliseconds() != 123450 || p.memory%2000 != 0 || p.memory == 0 {
		t.Errorf("the process is %+v", p)
	}
	text := make([]byte, mostStat)
	if p, ok := readProcess(os.Getpid(), text); !ok || p.began == 0 || p.memory < 1<<20 {
		t.Errorf("this process is %+v, %v", p, ok)
	}
	if _, ok := readProcess(1<<22, text); ok {
		t.Error("a process is there that cannot be")
	}
}

// A process that computes takes a CPU, and a number that none has tells nothing.
func TestSample(t *testing.T) {
	before, ok := take(os.Getpid())
	if !ok {
		t.Fatal("this process has no CPU clock")
	}
	for now := before; now.cpu == before.cpu; now, _ = take(os.Getpid()) {
	}
	now, _ := take(os.Getpid())
	if percent, ok := now.percent(before); !ok || percent <= 0 {
		t.Errorf("it took %f percent, %v", percent, ok)
	}
	if _, ok := now.percent(sample{pid: 1}); ok {
		t.Error("two processes are compared")
	}
	if _, ok := take(1 << 22); ok {
		t.Error("a process is there that cannot be")
	}
}
