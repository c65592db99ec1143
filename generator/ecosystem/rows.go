package ecosystem

// The rows of the table. What each attribute means in PM2 was read in PM2 7.0
// and tried there.

func programRows() []Attribute {
	return []Attribute{
		{Name: "name", Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"names of all units", "Description="},
			Note:    "the units get a readable ASCII name; the original stays in Description=",
			apply:   (*appReader).name},
		{Name: "script", Aliases: []string{"exec", "cmd", "command"}, Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "relative to cwd; with a space in it, a line for bash as in PM2",
			apply:   (*appReader).script},
		{Name: "args", Kinds: []Kind{Array, String}, Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "a string is split as PM2 splits it: quotes inside a word stay",
			apply:   (*appReader).args},
		{Name: "exec_interpreter", Aliases: []string{"interpreter"}, Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "by the script's extension where absent; honoured in cluster mode too",
			apply:   (*appReader).interpreter},
		{Name: "node_args", Aliases: []string{"interpreter_args", "interpreterArgs"}, Kinds: []Kind{Array, String}, Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "between the interpreter and the script",
			apply:   (*appReader).nodeArgs},
		{Name: "cwd", Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"WorkingDirectory="},
			Note:    "relative to the app's root, not to the folder of the person who types",
			apply:   (*appReader).cwd},
		{Name: "exec_mode", Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"gopm-activator@.service", "APP.socket"},
			Note:    "cluster: shared ports and rolling reloads; fork: plain instances",
			apply:   (*appReader).execMode},
		{Name: "execute_command", Kinds: []Kind{Boolean}, Default: "false", Fate: Mapped,
			Becomes: []string{"ExecStart="},
			Note:    "true means fork mode",
			apply:   (*appReader).executeCommand},
		{Name: "port", Kinds: []Kind{Number}, Min: 1, HasMin: true, Fate: Mapped,
			Becomes: []string{"ListenStream=", "Environment=PORT="},
			Note:    "goes before env.PORT, as in PM2",
			apply:   (*appReader).port},
		{Name: "namespace", Kinds: []Kind{String}, Default: "default", Fate: NotYet,
			Note: "will be a target for all apps of the namespace"},
		{Name: "name_prefix", Kinds: []Kind{String}, Fate: Refused,
			Note: "has no effect in a file under PM2 either; see --prefix"},
		{Name: "install_url", Kinds: []Kind{String}, Fate: Refused,
			Note: "belongs to PM2's modules"},
		{Name: "force", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused,
			Note: "has no effect in a file under PM2 either"},
		{Name: "write", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused,
			Note: "has no effect in a file under PM2 either; see --output"},
	}
}

func instanceRows() []Attribute {
	return []Attribute{
		{Name: "instances", Kinds: []Kind{Number, String}, Fate: Mapped,
			Becomes: []string{"GOPM_INSTANCES=", "Wants="},
			Note:    "max and negative numbers count the CPUs of the machine that runs the app",
			apply:   (*appReader).instances},
		{Name: "instance_var", Kinds: []Kind{String}, Default: "NODE_APP_INSTANCE", Fate: Mapped,
			Becomes: []string{"Environment="},
			Note:    "the number of the instance, from 0",
			apply:   (*appReader).instanceVar},
		{Name: "increment_var", Kinds: []Kind{String}, Fate: NotYet,
			Note: "systemd cannot add numbers; use NODE_APP_INSTANCE"},
		{Name: "merge_logs", Aliases: []string{"combine_logs"}, Kinds: []Kind{Boolean}, Fate: Mapped,
			Becomes: []string{"StandardOutput=", "StandardError="},
			Note:    "false puts the number of the instance before .log (PM2: its own pm_id)",
			apply:   (*appReader).mergeLogs},
	}
}

func environmentRows() []Attribute {
	const agent = "belongs to PM2's monitoring; systemctl status and journalctl show the process"
	return []Attribute{
		{Name: "env", Kinds: []Kind{Object}, Fate: Mapped,
			Becomes: []string{"Environment="},
			Note:    "the variables of the file alone: nothing of the shell that starts the app",
			apply:   (*appReader).environment},
		{Name: envBlock, Kinds: []Kind{Object, String}, Fate: Mapped,
			Becomes: []string{"Environment="},
			Note:    "taken with --env, over env"},
		{Name: "filter_env", Kinds: []Kind{Boolean, Array, String}, Default: "false", Fate: BySystemd,
			Note: "a unit starts with a clean environment: there is nothing to filter"},
		{Name: "append_env_to_name", Kinds: []Kind{Boolean}, Default: "false", Fate: NotYet,
			Note: "write the name in full"},
		{Name: "pmx", Kinds: []Kind{Boolean, String}, Default: "true", Fate: Refused, Note: agent},
		{Name: "automation", Kinds: []Kind{Boolean}, Default: "true", Fate: Refused, Note: agent},
		{Name: "io", Kinds: []Kind{Object}, Fate: Refused, Note: agent},
		{Name: "trace", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused, Note: agent},
		{Name: "disable_trace", Kinds: []Kind{Boolean}, Default: "true", Fate: Refused, Note: agent},
		{Name: "deep_monitoring", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused, Note: agent},
		{Name: "v8", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused, Note: "PM2 never reads it"},
		{Name: "event_loop_inspector", Kinds: []Kind{Boolean}, Default: "false", Fate: Refused, Note: "PM2 never reads it"},
		{Name: "vizion", Kinds: []Kind{Boolean}, Default: "true", Fate: Refused,
			Note: "reads git's metadata for PM2's own views"},
		{Name: "source_map_support", Kinds: []Kind{Boolean}, Default: "false", Fate: Differently,
			Note: `Node does it: node_args: "--enable-source-maps"`},
		{Name: "disable_source_map_support", Kinds: []Kind{Boolean}, Default: "true", Fate: Differently,
			Note: `source maps are off unless node_args has "--enable-source-maps"`},
		{Name: "username", Kinds: []Kind{String}, Fate: Refused,
			Note: "is for PM2's own views; see uid"},
	}
}

func logRows() []Attribute {
	return []Attribute{
		{Name: "out_file", Aliases: []string{"out_log", "output", "out"}, Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"StandardOutput=append:", "tmpfiles.d"},
			Note:    "the journal where absent",
			apply:   (*appReader).outFile},
		{Name: "error_file", Aliases: []string{"err_log", "err_file", "err", "error"}, Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"StandardError=append:", "tmpfiles.d"},
			Note:    "the journal where absent",
			apply:   (*appReader).errorFile},
		{Name: "log_file", Aliases: []string{"log"}, Kinds: []Kind{Boolean, String}, Default: "false", Fate: NotYet,
			Note: "the journal has both streams in order: journalctl -u 'APP@*'"},
		{Name: "disable_logs", Kinds: []Kind{Boolean}, Default: "false", Fate: NotYet,
			Note: `write out_file: "/dev/null" and error_file: "/dev/null"`},
		{Name: "log_type", Kinds: []Kind{String}, Fate: BySystemd,
			Note: "journalctl -o json"},
		{Name: "log_date_format", Kinds: []Kind{String}, Fate: Mapped,
			Becomes: []string{"Environment=GOPM_LOG_DATE_FORMAT="},
			Note:    "the journal keeps its own times beside it",
			apply:   (*appReader).logDateFormat},
		{Name: "time", Kinds: []Kind{Boolean}, Default: "false", Fate: Mapped,
			Becomes: []string{"Environment=GOPM_LOG_DATE_FORMAT="},
			Note:    "the same as log_date_format YYYY-MM-DDTHH:mm:ss, and goes before it",
			apply:   (*appReader).time},
		{Name: "pid_file", Aliases: []string{"pid"}, Kinds: []Kind{String}, Fate: BySystemd,
			Note: "systemctl show -P MainPID APP@0"},
	}
}

func restartRows() []Attribute {
	return []Attribute{
		{Name: "autorestart", Kinds: []Kind{Boolean}, Default: "true", Fate: Mapped,
			Becomes: []string{"Restart="},
			Note:    "on every exit, also with code 0",
			apply:   (*appReader).autorestart},
		{Name: "autostart", Kinds: []Kind{Boolean}, Default: "true", Fate: BySystemd,
			Note: "systemctl enable or disable decides what starts at boot"},
		{Name: "max_restarts", Kinds: []Kind{Number}, HasMin: true, Fate: Mapped,
			Becomes: []string{"StartLimitBurst=", "StartLimitIntervalSec="},
			Note:    "16 where absent; counts all starts within (min_uptime + restart_delay) × max_restarts",
			apply:   (*appReader).maxRestarts},
		{Name: "min_uptime", Kinds: []Kind{Number, String}, Unit: Uptime, Min: 100, HasMin: true, Fate: Mapped,
			Becomes: []string{"StartLimitIntervalSec="},
			Note:    "1 s where absent",
			apply:   (*appReader).minUptime},
		{Name: "restart_delay", Kinds: []Kind{Number}, Unit: Milliseconds, HasMin: true, Fate: Mapped,
			Becomes: []string{"RestartSec="},
			Note:    "100 ms where absent, so that a crash loop leaves the machine alone",
			apply:   (*appReader).restartDelay},
		{Name: "exp_backoff_restart_delay", Kinds: []Kind{Number}, Unit: Milliseconds, Default: "0", Fate: NotYet,
			Note: "RestartSteps= needs systemd 254; use restart_delay"},
		{Name: "stop_exit_codes", Kinds: []Kind{Array, Number}, Fate: NotYet,
			Note: "will be RestartPreventExitStatus="},
		{Name: "cron_restart", Aliases: []string{"cron"}, Kinds: []Kind{String, Number}, Default: "0", Fate: NotYet,
			Note: "will be a timer"},
		{Name: "max_memory_restart", Kinds: []Kind{String, Number}, Unit: Bytes, Fate: Mapped,
			Becomes: []string{"GOPM_MEMORY_LIMIT="},
			Note:    "a worker above it is replaced by a rolling restart",
			apply:   (*appReader).maxMemory},
	}
}

func signalRows() []Attribute {
	return []Attribute{
		{Name: "wait_ready", Kinds: []Kind{Boolean}, Default: "false", Fate: Mapped,
			Becomes: []string{"GOPM_WAIT_READY="},
			Note:    `ready is process.send("ready"); not ready in time is a failed start`,
			apply:   (*appReader).waitReady},
		{Name: "listen_timeout", Kinds: []Kind{Number}, Unit: Milliseconds, HasMin: true, Fate: Mapped,
			Becomes: []string{"TimeoutStartSec="},
			Note:    "90 s where absent; PM2 takes a worker for ready after it, here the start has failed",
			apply:   (*appReader).listenTimeout},
		{Name: "kill_timeout", Kinds: []Kind{Number}, Unit: Milliseconds, HasMin: true, Fate: Mapped,
			Becomes: []string{"TimeoutStopSec="},
			Note:    "1.6 s where absent, from SIGINT to SIGKILL; the drain before it has its own time",
			apply:   (*appReader).killTimeout},
		{Name: "kill_retry_time", Kinds: []Kind{Number}, Unit: Milliseconds, Fate: BySystemd,
			Note: "systemd is told when a process ends: it need not ask"},
		{Name: "shutdown_with_message", Kinds: []Kind{Boolean}, Default: "false", Fate: NotYet,
			Note: "the app gets SIGINT"},
		{Name: "treekill", Kinds: []Kind{Boolean}, Default: "true", Fate: BySystemd,
			Note: "no process of a unit outlives it"},
		{Name: "uid", Aliases: []string{"user"}, Kinds: []Kind{Number, String}, Fate: Mapped,
			Becomes: []string{"User="},
			Note:    "a system account of its own where absent, made by systemd-sysusers",
			apply:   (*appReader).user},
		{Name: "gid", Kinds: []Kind{Number, String}, Fate: Mapped,
			Becomes: []string{"Group="},
			Note:    "the user's own group where absent",
			apply:   (*appReader).group},
		{Name: "windowsHide", Kinds: []Kind{Boolean}, Default: "true", Fate: Refused,
			Note: "is for Windows"},
	}
}

func hookRows() []Attribute {
	return []Attribute{
		{Name: "watch", Kinds: []Kind{Boolean, Array, String}, Default: "false", Fate: NotYet,
			Note: "after a change: systemctl reload APP.target, or restart in fork mode"},
		{Name: "ignore_watch", Kinds: []Kind{Array, String}, With: "watch", Fate: NotYet, Note: "belongs to watch"},
		{Name: "watch_delay", Kinds: []Kind{Number}, Unit: Milliseconds, With: "watch", Fate: NotYet, Note: "belongs to watch"},
		{Name: "watch_options", Kinds: []Kind{Object}, With: "watch", Fate: NotYet, Note: "belongs to watch"},
		{Name: "post_update", Kinds: []Kind{Array}, Fate: Mapped,
			Becomes: []string{"APP-update.service"},
			Note:    "systemctl start APP-update.service runs the commands and then reloads the app",
			apply:   (*appReader).postUpdate},
		{Name: "exec_timeout", Kinds: []Kind{Number}, Unit: Milliseconds, Fate: NotYet,
			Note: "post_update may take its time"},
	}
}

func ownRows() []Attribute {
	return []Attribute{
		{Name: own, Kinds: []Kind{Object}, Fate: Mapped,
			Becomes: []string{"ListenStream=", "ExecStop="},
			Note:    "gopm's own keys: listen (port, address or list of them), drain_timeout (ms, default 30000)",
			apply:   (*appReader).own},
	}
}
