package peers

import (
	"encoding/json"
	"fmt"
)

// ecosystem is the file that gopm converts and that PM2 reads.
const ecosystem = root + "/ecosystem.config.json"

// entry is an app in it. No log files: both keep logs where they do by default.
type entry struct {
	Name      string         `json:"name"`
	Script    string         `json:"script"`
	Instances int            `json:"instances,omitempty"`
	Mode      string         `json:"exec_mode,omitempty"`
	Env       map[string]any `json:"env"`
}

// bench is the app of most measurements.
func bench(workers int) []entry {
	return []entry{{"bench", root + "/app.cjs", workers, "cluster", map[string]any{"NODE_ENV": "production", "PORT": 3000}}}
}

// Mode is how the many small apps run, in PM2's words.
type Mode string

// PM2's modes: fork is what it takes where the file says nothing.
const (
	Cluster Mode = "cluster"
	Fork    Mode = "fork"
)

// many are n apps of one worker each.
func many(n int, mode Mode) []entry {
	var apps []entry
	for i := range n {
		app := entry{
			Name:   fmt.Sprintf("small-%d", i),
			Script: root + "/app.cjs",
			Mode:   string(mode),
			Env:    map[string]any{"NODE_ENV": "production", "PORT": 4000 + i},
		}
		if mode == Cluster {
			app.Instances = 1
		}
		apps = append(apps, app)
	}
	return apps
}

// write writes the ecosystem file.
func (s Stage) write(apps []entry) error {
	text, err := json.MarshalIndent(map[string]any{"apps": apps}, "", "  ")
	if err != nil {
		return err
	}
	return s.WriteFile(ecosystem, string(text))
}
