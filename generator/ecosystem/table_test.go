package ecosystem

import (
	"slices"
	"strings"
	"testing"
)

// schema are the keys of PM2's own schema, and exec_timeout, which PM2 reads
// without having it there.
const schema = `script name name_prefix filter_env namespace install_url cwd args exec_interpreter node_args out_file
error_file log_file disable_logs log_type log_date_format time env env_* max_memory_restart pid_file restart_delay
exp_backoff_restart_delay source_map_support disable_source_map_support wait_ready instances kill_timeout
shutdown_with_message listen_timeout cron_restart merge_logs vizion autostart autorestart stop_exit_codes watch_delay
watch ignore_watch watch_options min_uptime max_restarts execute_command exec_mode force append_env_to_name
post_update trace disable_trace v8 event_loop_inspector deep_monitoring increment_var instance_var pmx automation
treekill port username uid gid windowsHide kill_retry_time write io exec_timeout`

// TestAttributesAreComplete holds the table against PM2's schema, both ways.
func TestAttributesAreComplete(t *testing.T) {
	want := append(strings.Fields(schema), "env_file", "gopm")
	var got []string
	for _, row := range Attributes() {
		got = append(got, row.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table has\n%q, want\n%q", got, want)
	}
}

func TestAttributesAreSound(t *testing.T) {
	for _, rows := range [][]Attribute{Attributes(), OwnAttributes()} {
		owner := map[string]string{}
		for _, row := range rows {
			for _, name := range row.Spellings() {
				if owner[name] != "" {
					t.Errorf("%s is a spelling of %s and of %s", name, owner[name], row.Name)
				}
				owner[name] = row.Name
			}
			mapped := row.Fate == Mapped
			if applied := row.apply != nil || row.Name == envBlock; applied != mapped {
				t.Errorf("%s: applied is %v, mapped is %v", row.Name, applied, mapped)
			}
			if (len(row.Becomes) > 0) != mapped {
				t.Errorf("%s: becomes %q, mapped is %v", row.Name, row.Becomes, mapped)
			}
			if row.Note == "" || strings.Contains(row.Note, "\n") || strings.HasSuffix(row.Note, ".") {
				t.Errorf("%s: the note %q is not a line", row.Name, row.Note)
			}
			if len(row.Kinds) == 0 {
				t.Errorf("%s: takes nothing", row.Name)
			}
			if row.With != "" && owner[row.With] == "" {
				t.Errorf("%s: means nothing without %s, which is not before it", row.Name, row.With)
			}
		}
	}
}

func TestSpellings(t *testing.T) {
	want := map[string][]string{
		"script":             {"script", "exec", "cmd", "command"},
		"out_file":           {"out_file", "out_log", "output", "out", "outFile"},
		"max_memory_restart": {"max_memory_restart", "maxMemoryRestart"},
		"node_args":          {"node_args", "interpreter_args", "interpreterArgs", "nodeArgs"},
		"env_*":              {"env_*"},
		"name":               {"name"},
	}
	for _, row := range Attributes() {
		if w, ok := want[row.Name]; ok && !slices.Equal(row.Spellings(), w) {
			t.Errorf("%s: got %q, want %q", row.Name, row.Spellings(), w)
		}
	}
}
