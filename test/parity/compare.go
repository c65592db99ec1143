// Package parity compares what gopm-gen makes of an ecosystem file with what PM2
// makes of it.
package parity

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// attributes is one app under PM2's names, as JSON has it.
type attributes map[string]any

// difference is one attribute that PM2 and gopm read differently. A nil value is
// one that is not there.
type difference struct {
	app       string
	key       string
	pm2, gopm any
}

func (d difference) String() string {
	return fmt.Sprintf("%s: %s: PM2 has %s, gopm %s", d.app, d.key, text(d.pm2), text(d.gopm))
}

func text(v any) string {
	if v == nil {
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// defaults are the values that an attribute has where nobody gives it: PM2
// writes some of them down.
var defaults = attributes{
	"args": []any{}, "node_args": []any{}, "env": map[string]any{},
	"instances": 1.0, "exec_mode": "fork", "exec_interpreter": "none", "namespace": "default",
	"autorestart": true, "autostart": true, "instance_var": "NODE_APP_INSTANCE",
	"kill_retry_time": 100.0, "kill_timeout": 1600.0, "listen_timeout": 3000.0, "max_restarts": 16.0, "min_uptime": 1000.0, "restart_delay": 0.0,
	"exp_backoff_restart_delay": 0.0, "max_memory_restart": 0.0, "watch_delay": 0.0,
	"automation": true, "pmx": true, "treekill": true, "vizion": true, "windowsHide": true,
	"watch": false, "wait_ready": false, "shutdown_with_message": false, "time": false,
	"disable_logs": false, "log_file": false, "execute_command": false, "append_env_to_name": false, "force": false, "filter_env": false,
	"log_date_format": "", "log_type": "", "cron_restart": "", "increment_var": "",
	"out_file": "", "error_file": "", "pid_file": "",
	"trace": false, "disable_trace": false, "deep_monitoring": false, "v8": false, "event_loop_inspector": false,
	"source_map_support": true, "disable_source_map_support": false, "write": false,
	"stop_exit_codes": []any{}, "post_update": []any{}, "ignore_watch": []any{}, "watch_options": map[string]any{},
}

// normal brings one way to write a value to another that means the same.
func normal(key string, v any) any {
	switch key {
	case "instances":
		if v == "max" {
			return 0.0
		}
	case "watch", "ignore_watch", "stop_exit_codes", "post_update":
		switch v.(type) {
		case string, float64:
			if v == "" {
				return nil
			}
			return []any{v}
		}
	case "out_file", "error_file", "log_file":
		if v == "NULL" {
			return "/dev/null"
		}
	case "cron_restart":
		if v == "0" || v == 0.0 {
			return ""
		}
	case "pmx":
		if v == "false" {
			return false
		}
	case "uid", "gid":
		if v != nil {
			return fmt.Sprint(v)
		}
	}
	return v
}

// compare lists how two lists of apps differ.
func compare(pm2, gopm []attributes) []difference {
	var out []difference
	if len(pm2) != len(gopm) {
		out = append(out, difference{"apps", "number", float64(len(pm2)), float64(len(gopm))})
	}
	for i := range min(len(pm2), len(gopm)) {
		out = append(out, compareApps(pm2[i], gopm[i])...)
	}
	return out
}

func compareApps(pm2, gopm attributes) []difference {
	name := fmt.Sprint(pm2["name"])
	keys := maps.Clone(pm2)
	maps.Copy(keys, gopm)
	var out []difference
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		theirs, ours := normal(key, pm2[key]), normal(key, gopm[key])
		if key == "env" {
			out = append(out, compareVariables(name, theirs, ours)...)
			continue
		}
		if same(key, theirs, ours, fmt.Sprint(gopm["cwd"])) {
			continue
		}
		out = append(out, difference{name, key, pm2[key], gopm[key]})
	}
	return out
}

func compareVariables(app string, theirs, ours any) []difference {
	pm2, _ := theirs.(map[string]any)
	gopm, _ := ours.(map[string]any)
	keys := maps.Clone(pm2)
	if keys == nil {
		keys = map[string]any{}
	}
	maps.Copy(keys, gopm)
	var out []difference
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if pm2[key] != gopm[key] {
			out = append(out, difference{app, "env." + key, pm2[key], gopm[key]})
		}
	}
	return out
}

// unknown is what the oracle says of the interpreter of a script that is not
// there, and whose extension says nothing.
const unknown = "unknown"

// same reports whether two values of a key mean the same in an app that lives in
// the folder cwd.
func same(key string, pm2, gopm any, cwd string) bool {
	switch {
	case text(pm2) == text(gopm):
		return true
	case key == "script" || key == "exec_interpreter":
		// A program in PATH may be given by its name or in full.
		theirs, _ := pm2.(string)
		ours, _ := gopm.(string)
		return theirs == unknown || !strings.Contains(theirs, "/") && path.Base(ours) == theirs && path.Dir(ours) != path.Clean(cwd)
	case key == "merge_logs" && gopm == nil, key == "username":
		return true // PM2 fills it in
	case key == "execute_command", key == "disable_trace":
		return true // for PM2 they are exec_mode and trace by now
	}
	fallback, ok := defaults[key]
	return ok && (pm2 == nil && text(gopm) == text(fallback) || gopm == nil && text(pm2) == text(fallback))
}
