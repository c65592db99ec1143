package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

func jlistVerb() verb {
	return verb{
		names:    []string{"jlist"},
		args:     "",
		about:    "the workers as pm2 jlist prints them, for exporters and scripts",
		examples: "  gopm jlist | jq -r '.[] | [.name, .pm2_env.status, .monit.memory] | @tsv'\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			return func(ctx context.Context, w world, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("%w: gopm jlist takes no app", errUsage)
				}
				s := newSite(ctx, w, *user)
				s.lookLonger()
				f, err := s.reader.Read(ctx)
				if err != nil {
					return err
				}
				commands, err := s.commands(ctx, loaded(f))
				if err != nil {
					return err
				}
				return json.NewEncoder(w.stdout).Encode(jlist(f, commands, time.Now()))
			}
		},
	}
}

// pm2Process is an entry of pm2 jlist, as PM2 7 prints it. What PM2 has there of
// its own daemon is left out, and of the environment all but NODE_APP_INSTANCE:
// anybody could read the secrets in it.
type pm2Process struct {
	PID   int      `json:"pid"`
	Name  string   `json:"name"`
	Env   pm2Env   `json:"pm2_env"`
	ID    int      `json:"pm_id"`
	Monit pm2Monit `json:"monit"`
}

type pm2Monit struct {
	Memory int64   `json:"memory"` // bytes
	CPU    float64 `json:"cpu"`    // percent of one CPU
}

type pm2Env struct {
	Name             string                     `json:"name"`
	Namespace        string                     `json:"namespace"`
	ID               int                        `json:"pm_id"`
	Instance         int                        `json:"NODE_APP_INSTANCE"`
	Instances        int                        `json:"instances"`
	Mode             string                     `json:"exec_mode"`
	Status           string                     `json:"status"`
	Uptime           int64                      `json:"pm_uptime"` // when it began: milliseconds since 1970
	Created          int64                      `json:"created_at"`
	Restarts         int                        `json:"restart_time"`
	UnstableRestarts int                        `json:"unstable_restarts"`
	Autorestart      bool                       `json:"autorestart"`
	Watch            bool                       `json:"watch"`
	Username         string                     `json:"username"`
	Dir              string                     `json:"pm_cwd"`
	Script           string                     `json:"pm_exec_path"`
	Interpreter      string                     `json:"exec_interpreter"`
	Version          string                     `json:"version"`
	Metrics          map[string]control.Metric  `json:"axm_monitor"`
	Actions          []pm2Action                `json:"axm_actions"`
	Options          map[string]json.RawMessage `json:"axm_options"`
	Unit             string                     `json:"gopm_unit"`
}

type pm2Action struct {
	Name string `json:"action_name"`
}

// command is what an app's units run.
type command struct {
	dir, user, interpreter, script string
	restarts                       bool
}

// commands asks the apps' service managers for them, by app.
func (s site) commands(ctx context.Context, f fleet.Fleet) (map[fleet.ID]command, error) {
	units := make(map[manager][]string)
	for _, a := range f.Apps {
		units[s.of(a)] = append(units[s.of(a)], firstUnit(a))
	}
	services := make(map[manager]map[string]systemd.Service)
	for of, names := range units {
		var err error
		if services[of], err = of.Services(ctx, names); err != nil {
			return nil, err
		}
	}
	out := make(map[fleet.ID]command)
	for _, a := range f.Apps {
		if service, ok := services[s.of(a)][firstUnit(a)]; ok {
			out[a.ID()] = commandOf(service)
		}
	}
	return out, nil
}

// firstUnit is that of any worker. One that is not loaded systemd reads from the
// disk for each question.
func firstUnit(a fleet.App) string {
	if len(a.Workers) > 0 {
		return a.Workers[0].Unit
	}
	return a.Name + "@0.service"
}

// loaded are the apps that systemd has a worker's unit of.
func loaded(f fleet.Fleet) fleet.Fleet {
	return fleet.Fleet{Apps: slices.DeleteFunc(slices.Clone(f.Apps), func(a fleet.App) bool { return len(a.Workers) == 0 })}
}

// withWord are Node's options whose value is the next word (node(1)).
var withWord = []string{"-r", "--require", "--import", "--loader", "--experimental-loader"}

// commandOf makes it of what a service runs.
func commandOf(service systemd.Service) command {
	c := command{dir: service.Dir, user: service.User, restarts: service.Restart != "" && service.Restart != "no"}
	if c.user == "" {
		c.user = "root"
	}
	words := service.Exec
	words = words[slices.Index(words, "--")+1:] // behind gopm-activator exec APP N --
	if len(words) > 0 && path.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 0 && (strings.Contains(words[0], "=") || strings.HasPrefix(words[0], "-")) {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return c
	}
	c.interpreter, c.script = path.Base(words[0]), words[0]
	for i, word := range words[1:] {
		if !strings.HasPrefix(word, "-") && !slices.Contains(withWord, words[i]) {
			c.script = word
			break
		}
	}
	if !filepath.IsAbs(c.script) {
		c.script = filepath.Join(c.dir, c.script)
	}
	return c
}

// The numbers of workers: each app has room for perApp, and all of them are below
// 2^31, since exporters may have 32 bits for them.
const (
	perApp   = 10_000
	mostApps = 200_000
)

// numbers are the first of each app's. Nobody keeps them, so they are made of the
// name: an app that comes or goes changes no other's, unless both had the same.
func numbers(f fleet.Fleet) []int {
	var first []int
	taken := make(map[int]bool)
	for _, a := range f.Apps {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(a.Name)) // it never fails (hash.Hash)
		n := int(hash.Sum32() % mostApps)
		for taken[n] {
			n = (n + 1) % mostApps
		}
		taken[n] = true
		first = append(first, n*perApp)
	}
	return first
}

// jlist is the fleet as PM2 would have it.
func jlist(f fleet.Fleet, commands map[fleet.ID]command, now time.Time) []pm2Process {
	list := []pm2Process{}
	first := numbers(f)
	for i, a := range f.Apps {
		workers := a.Workers
		if len(workers) == 0 {
			workers = []fleet.Worker{{Worker: control.Worker{State: fleet.WorkerStopped}}}
		}
		for _, w := range workers {
			list = append(list, pm2ProcessOf(first[i]+w.Instance, a, w, commands[a.ID()], now))
		}
	}
	return list
}

func pm2ProcessOf(id int, a fleet.App, w fleet.Worker, c command, now time.Time) pm2Process {
	began := now
	if !w.Began.IsZero() {
		began = w.Began
	}
	p := pm2Process{PID: w.PID, Name: a.Title, ID: id, Env: pm2Env{
		Name: a.Title, Namespace: "default", ID: id, Instance: w.Instance, Instances: max(1, a.Instances),
		Mode: a.Mode + "_mode", Status: pm2Status(w.State),
		Uptime: began.UnixMilli(), Created: began.UnixMilli(), Restarts: w.Restarts,
		Autorestart: c.restarts, Username: c.user, Dir: c.dir, Script: c.script, Interpreter: c.interpreter,
		Version: "N/A", Metrics: w.Metrics, Actions: []pm2Action{}, Options: w.Configuration, Unit: w.Unit,
	}}
	if a.Mode == "" {
		p.Env.Mode = "cluster_mode"
	}
	p.Env.Metrics = pm2Metrics(w)
	if p.Env.Options == nil {
		p.Env.Options = map[string]json.RawMessage{}
	}
	for _, name := range w.Actions {
		p.Env.Actions = append(p.Env.Actions, pm2Action{name})
	}
	if w.Memory != nil {
		p.Monit.Memory = *w.Memory
	}
	if w.CPU != nil {
		p.Monit.CPU = math.Round(*w.CPU*10) / 10
	}
	return p
}

// pm2Metrics are what the app has told PM2, as it thinks, and under the names of
// PM2's library (@pm2/io 6.1) what its process has measured of itself.
func pm2Metrics(w fleet.Worker) map[string]control.Metric {
	out := map[string]control.Metric{}
	add := func(name, unit string, value float64) {
		text, _ := json.Marshal(strconv.FormatFloat(value, 'f', 2, 64)) // a string always marshals
		out[name] = control.Metric{Value: text, Unit: unit}
	}
	if m := w.Measures; m != nil {
		const mib = 1 << 20
		add("Used Heap Size", "MiB", float64(m.HeapUsed)/mib)
		add("Heap Size", "MiB", float64(m.HeapTotal)/mib)
		add("HTTP", "req/min", m.RequestsPerSecond*60)
		if m.Latency != nil {
			add("HTTP Mean Latency", "ms", m.Latency.Mean)
			add("HTTP P95 Latency", "ms", m.Latency.P95)
		}
		if m.EventLoopDelay != nil {
			add("Event Loop Latency", "ms", m.EventLoopDelay.Mean)
			add("Loop delay", "ms", m.EventLoopDelay.Mean)
		}
	}
	maps.Copy(out, w.Metrics)
	return out
}

// pm2Status is PM2's word for a worker's state.
func pm2Status(s control.State) string {
	switch s {
	case control.Ready, control.Sick:
		return "online"
	case control.Starting, control.Settling:
		return "launching"
	case control.Draining, control.Stalled, fleet.WorkerStopping:
		return "stopping"
	case fleet.WorkerFailed:
		return "errored"
	case fleet.WorkerRestarting:
		return "waiting restart"
	}
	return "stopped"
}
