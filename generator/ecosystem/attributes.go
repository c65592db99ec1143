package ecosystem

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaults fills in what PM2 does where an attribute is absent.
func (a *appReader) defaults() {
	a.app.Instances = Count{N: 1}
	a.app.Restart, a.app.AutoStart, a.app.TreeKill = true, true, true
	a.app.SourceMaps, a.app.TakeRejection = true, true
	a.app.MaxRestarts = 16
	a.app.MinUptime = time.Second
	a.app.KillTimeout = 1600 * time.Millisecond
	a.app.DrainTimeout = 30 * time.Second
	a.app.Dir = a.source.root
}

func (a *appReader) name(v value) { a.app.Name = v.text }

func (a *appReader) script(v value) { a.given.script = v.text }

func (a *appReader) args(v value) { a.app.Args = a.words(v) }

func (a *appReader) nodeArgs(v value) { a.given.nodeArgs = a.words(v) }

// words returns a list of arguments, which a file gives as a list or a string.
func (a *appReader) words(v value) []string {
	if v.kind == String {
		return splitWords(v.text)
	}
	return a.strings(v)
}

// strings returns the elements of a list as strings.
func (a *appReader) strings(v value) []string {
	var out []string
	for i, e := range v.list {
		switch e.kind {
		case String, Number, Boolean:
			out = append(out, e.text)
		default:
			a.problemIn(i, e.show()+" is not a string", "write a string in quotes")
		}
	}
	return out
}

func (a *appReader) interpreter(v value) { a.given.interpreter = v.text }

func (a *appReader) cwd(v value) { a.app.Dir = resolve(a.source.root, v.text) }

func (a *appReader) namespace(v value) { a.app.Namespace = v.text }

func (a *appReader) execMode(v value) {
	switch v.text {
	case "cluster", "cluster_mode":
		a.given.mode = "cluster"
	case "fork", "fork_mode":
		a.given.mode = "fork"
	default:
		a.problem(v.show()+" is not a mode", `write "cluster" or "fork"`)
	}
}

func (a *appReader) executeCommand(v value) {
	if v.truthy {
		a.given.mode = "fork"
	}
}

func (a *appReader) port(v value) { a.given.port = v.text }

// instances follows PM2 letter by letter: a string that is no number counts as
// max, and so does 0.
func (a *appReader) instances(v value) {
	n := v.number
	if v.kind == String {
		n = 0
		if digits := leadingInt().FindString(v.text); digits != "" {
			n, _ = strconv.ParseFloat(digits, 64)
		} else if v.text != "max" && v.text != "" {
			a.note(Differently, `%s means "max", as in PM2`, v.show())
		}
	}
	n = math.Trunc(n)
	const most = 1024
	if math.Abs(n) > most {
		a.problem(fmt.Sprintf("%s are more than %d", v.show(), most), `write "max" for one per CPU`)
		return
	}
	a.given.count = &n
	a.app.Instances = Count{PerCPU: n <= 0, N: int(n)}
	if v.cpus != nil && *v.cpus <= 0 {
		a.app.Instances = Count{PerCPU: true, N: *v.cpus}
		a.note(Differently, "counts the CPUs of the machine that runs the app, not of the one that converts the file")
	}
}

func (a *appReader) instanceVar(v value) { a.app.InstanceVar = v.text }

func (a *appReader) incrementVar(v value) { a.given.increment = v.text }

func (a *appReader) mergeLogs(v value) { a.given.merge = &v.truthy }

func (a *appReader) appendEnvToName(v value) { a.given.envInName = v.truthy }

// pmx: a rejection that nobody handles ends a process under PM2 only where its
// agent is not in it, and in cluster mode not even there.
func (a *appReader) pmx(v value) {
	a.given.noAgent = a.given.noAgent || !v.truthy || v.text == "false"
}

func (a *appReader) automation(v value) { a.given.noAgent = a.given.noAgent || !v.truthy }

func (a *appReader) sourceMaps(v value) {
	a.app.SourceMaps = a.app.SourceMaps && v.truthy
	if !v.truthy && a.key == a.spelled["source_map_support"] {
		a.note(Differently, "PM2 drops the false, and source maps are on; here they are off")
	}
}

func (a *appReader) noSourceMaps(v value) { a.app.SourceMaps = a.app.SourceMaps && !v.truthy }

func (a *appReader) outFile(v value) { a.given.out = v.text }

func (a *appReader) errorFile(v value) { a.given.err = v.text }

func (a *appReader) logFile(v value) {
	switch {
	case v.text == "/dev/null" || v.text == "NULL": // no third file, as without the key
	case v.kind == String:
		a.given.both = v.text
	case v.truthy:
		a.note(Differently, "the journal has both streams in order")
	}
}

func (a *appReader) disableLogs(v value) { a.given.noLogs = v.truthy }

func (a *appReader) logType(v value) {
	if v.text != "json" {
		a.note(Refused, `PM2 knows "json" alone`)
		return
	}
	a.app.LogJSON = true
}

func (a *appReader) logDateFormat(v value) {
	if a.app.LogDateFormat == "" {
		a.app.LogDateFormat = v.text
	}
}

func (a *appReader) time(v value) {
	if v.truthy {
		a.given.time = true
		a.app.LogDateFormat = timeFormat
	}
}

// timeFormat is what time: true means.
const timeFormat = "YYYY-MM-DDTHH:mm:ss"

func (a *appReader) autorestart(v value) { a.app.Restart = v.truthy }

func (a *appReader) maxRestarts(v value) {
	a.app.MaxRestarts = int(min(v.number, math.MaxInt32))
	if v.number < 1 {
		// StartLimitBurst=0 would switch the limit off: the opposite of what is meant.
		a.app.MaxRestarts = 1
		a.note(Differently, "PM2 drops a 0 that is no string and takes 16; here the first failure is the last")
	}
}

func (a *appReader) minUptime(v value) {
	a.app.MinUptime = v.duration()
	if a.app.MinUptime == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 1000; here no start counts as unstable and restarts never end")
	}
}

func (a *appReader) autostart(v value) { a.app.AutoStart = v.truthy }

func (a *appReader) backoff(v value) { a.app.Backoff = v.duration() }

func (a *appReader) stopExitCodes(v value) {
	for i, e := range v.elements() {
		// PM2 reads strings as parseInt does.
		n, err := strconv.Atoi(strings.TrimSpace(leadingInt().FindString(e.text)))
		if err != nil || n < 0 || n > 255 {
			a.problemIn(i, e.show()+" is not an exit code", "write numbers from 0 to 255")
			continue
		}
		a.app.StopCodes = append(a.app.StopCodes, n)
	}
	if slices.Contains(a.app.StopCodes, 0) {
		a.note(Differently, "0 is a clean exit here; PM2 takes a signal and a crash in cluster mode for 0 too, and leaves them stopped")
	}
}

func (a *appReader) cronRestart(v value) {
	if v.text == "0" || v.text == "" {
		return
	}
	list, err := schedules(v.text)
	if err != nil {
		a.problem(v.show()+" "+err.Error(), `write five fields, such as "0 3 * * *", or six with seconds first`)
		return
	}
	a.app.Cron = list
}

func (a *appReader) restartDelay(v value) { a.app.RestartDelay = v.duration() }

func (a *appReader) maxMemory(v value) { a.app.MemoryLimit = v.bytes() }

func (a *appReader) waitReady(v value) { a.app.WaitReady = v.truthy }

func (a *appReader) listenTimeout(v value) {
	a.app.ListenTimeout = v.duration()
	if a.app.ListenTimeout == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 3000; here it leaves the default of 90 s")
		return
	}
	a.note(Differently, "PM2 takes a worker for ready after it; here the start has failed")
}

func (a *appReader) killTimeout(v value) {
	a.app.KillTimeout = v.duration()
	if a.app.KillTimeout == 0 {
		a.note(Differently, "PM2 drops the 0 and takes 1600; here SIGKILL follows SIGINT at once")
	}
}

func (a *appReader) shutdownMessage(v value) { a.app.ShutdownMessage = v.truthy }

func (a *appReader) treekill(v value) { a.app.TreeKill = v.truthy }

func (a *appReader) user(v value) { a.app.User = a.accountOf(v) }

func (a *appReader) group(v value) { a.app.Group = a.accountOf(v) }

// accountName is the name or the number of a user or group.
var accountName = pattern(`^([A-Za-z_][A-Za-z0-9_.-]{0,30}|[0-9]{1,10})$`)

func (a *appReader) accountOf(v value) string {
	if !accountName().MatchString(v.text) {
		a.problem(v.show()+" is not the name of an account", `write the name of a user or group, such as "www-data"`)
	}
	return v.text
}

// watch takes true and an empty list for the app's whole folder, and a string
// for a path, even "true".
func (a *appReader) watch(v value) {
	if !v.truthy {
		return
	}
	w := &Watch{}
	switch v.kind {
	case String:
		w.Paths = []string{v.text}
		if v.text == "true" || v.text == "false" {
			a.note(Differently, "%s is a path, as in PM2; without quotes it says whether to watch", v.show())
		}
	case Array:
		w.Paths = a.strings(v)
	}
	a.app.Watch = w
}

func (a *appReader) ignoreWatch(v value) {
	a.given.ignore = a.words(v)
	if a.given.ignore == nil {
		a.given.ignore = []string{}
	}
}

func (a *appReader) watchDelay(v value) { a.given.watchDelay = v.duration() }

func (a *appReader) execTimeout(v value) { a.app.UpdateTimeout = v.duration() }

func (a *appReader) postUpdate(v value) {
	a.app.UpdateCommands = a.strings(v)
	if strings.HasSuffix(a.source.base, ".js") || strings.HasSuffix(a.source.base, ".cjs") {
		a.note(Differently, "PM2 itself never runs it from a .config.js file")
	}
}
