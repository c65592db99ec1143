package ecosystem

import (
	"maps"
	"path"
	"strconv"
	"strings"
	"time"
)

// normal keeps what PM2 itself makes of the program, before anything is done
// differently here.
func (a *appReader) normal(script string, args []string, interpreter string, cluster bool) {
	mode := "fork"
	if cluster {
		mode = "cluster"
	}
	if !strings.Contains(script, "/") {
		script = a.inPath(script)
	}
	maps.Copy(a.pm2, map[string]any{
		"script": script, "args": list(args), "node_args": list(a.given.nodeArgs),
		"exec_interpreter": interpreter, "exec_mode": mode,
	})
}

// inPath returns where a program is on this machine, as PM2 finds it; its bare
// name where it is not.
func (a *appReader) inPath(program string) string {
	for _, dir := range strings.Split(a.path, ":") {
		name := path.Join(dir, program)
		if a.source.regular(name) {
			return name
		}
	}
	return program
}

// list never is null in JSON.
func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

// describe completes the app as PM2 has it.
func (a *appReader) describe() {
	env := map[string]string{}
	for _, v := range a.app.Variables {
		env[v.Name] = v.Value
	}
	instances := a.count()
	if c := a.app.Instances; c.PerCPU {
		instances = float64(c.N)
	}
	maps.Copy(a.pm2, map[string]any{
		"name": a.app.Name, "cwd": a.app.Dir, "env": env, "instances": instances,
		"namespace": a.app.Namespace, "autorestart": a.app.Restart, "autostart": a.app.AutoStart,
	})
	if a.app.Namespace == "" {
		a.pm2["namespace"] = "default"
	}
	if a.given.noAgent {
		a.pm2["pmx"] = false
	}
	for _, key := range []string{"out_file", "error_file", "log_file", "pid_file"} {
		if name, ok := a.pm2[key].(string); ok {
			a.pm2[key] = a.pathOfLog(name)
		}
	}
	if a.given.time {
		a.pm2["log_date_format"] = timeFormat
	}
	a.app.pm2 = a.pm2
}

func (a *appReader) pathOfLog(name string) string {
	if name == "/dev/null" || name == "NULL" {
		return "/dev/null"
	}
	if full, ok := a.belowHome(name); ok {
		return full
	}
	return resolve(a.app.Dir, name)
}

// keep records a checked attribute for describe, as PM2 has it.
func (a *appReader) keep(row Attribute, v value) {
	switch {
	case row.Name == own || row.Name == "env" || row.Name == "env_file":
	case row.Unit == Bytes:
		a.pm2[row.Name] = v.bytes()
	case row.Unit == Uptime || row.Unit == Milliseconds:
		a.pm2[row.Name] = v.duration() / time.Millisecond
	case row.Name == "ignore_watch":
		a.pm2[row.Name] = list(a.words(v))
	default:
		a.pm2[row.Name] = v.plain()
	}
}

// plain returns a value as encoding/json takes it.
func (v value) plain() any {
	switch v.kind {
	case Boolean:
		return v.truthy
	case Number:
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n
		}
		return v.number
	case Array:
		out := make([]any, len(v.list))
		for i, e := range v.list {
			out[i] = e.plain()
		}
		return out
	case Object:
		out := map[string]any{}
		for _, f := range v.fields {
			out[f.key] = f.value.plain()
		}
		return out
	case Absent:
		return nil
	}
	return v.text
}
