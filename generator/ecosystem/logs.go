package ecosystem

import (
	"slices"
	"strings"
)

// numbered is a log file that already has a number, which PM2 replaces.
var numbered = pattern(`-\d+\.log$`)

// ownStreams are names of what a process already writes to.
var ownStreams = []string{"/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2", "/proc/1/fd/1", "/proc/1/fd/2"}

// logs settles where the output goes.
func (a *appReader) logs() {
	merged := !a.app.Cluster && (a.given.count == nil || *a.given.count == 0)
	if a.given.merge != nil {
		merged = *a.given.merge
	}
	if a.given.both != "" && a.given.out == "" && a.given.err == "" {
		a.given.out, a.given.err = a.given.both, a.given.both
	} else if a.given.both != "" {
		a.noteOn("log_file", Refused, "systemd writes a stream to one place, and out_file or error_file names it")
	}
	if a.given.noLogs {
		a.given.out, a.given.err = "/dev/null", "/dev/null"
	}
	a.app.Output = a.log("out_file", a.given.out, merged)
	a.app.Errors = a.log("error_file", a.given.err, merged)
	for key, log := range map[string]Log{"out_file": a.app.Output, "error_file": a.app.Errors} {
		if log.Path != "" && (a.given.both == "" || key == "out_file") {
			a.noteOn(key, Differently, "journalctl shows nothing of it; leave the key out and the journal has it, with times, limits and search")
		}
	}
	if !a.app.Node {
		for key, given := range map[string]bool{"log_type": a.app.LogJSON, "log_date_format": a.app.LogDateFormat != ""} {
			if given {
				a.noteOn(key, Differently, "the program is not Node itself: its lines stay as they are; journalctl -o json and -o short-iso-precise")
			}
		}
		a.app.LogJSON, a.app.LogDateFormat = false, ""
	}
}

func (a *appReader) log(key, name string, merged bool) Log {
	switch {
	case name == "":
		return Log{}
	case name == "/dev/null" || name == "NULL":
		return Log{Discard: true}
	case slices.Contains(ownStreams, name):
		// systemd would open what its own child has there, which is nothing.
		a.noteOn(key, Differently, "%s is the journal, where the output goes without it", name)
		return Log{}
	}
	full := a.atHome(key, a.app.Dir, name)
	if merged || !strings.HasSuffix(full, ".log") {
		return Log{Path: full}
	}
	stem := strings.TrimSuffix(full, ".log")
	if at := numbered().FindStringIndex(full); at != nil {
		stem = full[:at[0]]
	}
	return Log{Path: stem, Suffix: ".log", PerInstance: true}
}
