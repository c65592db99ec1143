package activator

import (
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	sdjournal "github.com/coreos/go-systemd/v22/journal"
	"golang.org/x/time/rate"
)

// event is what a line of the journal tells, for programs that wait for it: its
// name in GOPM_EVENT= and its MESSAGE_ID= (systemd.journal-fields(7)), both of
// which gopm-activator(8) promises.
type event struct{ name, id string }

// The events. An ID is never used for anything else.
var (
	workerCrashed   = event{"worker-crashed", "df78dd9b57684e5bac579562137f2786"}
	workerFailed    = event{"worker-failed", "27393b2b39b248b799425e3fa1a99d38"}
	rolloutStarted  = event{"rollout-started", "970c6b0961514d2fa16aa580d8f9e9ee"}
	rolloutFinished = event{"rollout-finished", "ba45db2c27d744f584e92bb903b497e6"}
	rolloutAborted  = event{"rollout-aborted", "0eb3cafc41f2448499f9f5d6425f5bbc"}
	canaryFailed    = event{"canary-failed", "4c151a673d95423293e37ad20908ff44"}
	workerHung      = event{"worker-hung", "90059651d6a24abfa870121ec6d008af"}
	memoryLimit     = event{"memory-limit", "2001e3b4596d4d81b744169f76178a7c"}
)

// Events are the names of all events by their MESSAGE_ID.
func Events() map[string]string {
	names := make(map[string]string)
	for _, e := range []event{workerCrashed, workerFailed, rolloutStarted, rolloutFinished, rolloutAborted, canaryFailed, workerHung, memoryLimit} {
		names[e.id] = e.name
	}
	return names
}

// StderrIsJournal tells whether standard error leads to journald ($JOURNAL_STREAM,
// systemd.exec(5)): it then takes lines with fields, over a socket of its own.
func StderrIsJournal() bool {
	is, err := sdjournal.StderrIsJournalStream()
	return is && err == nil && sdjournal.Enabled()
}

// journal is where lines go: to journald with fields, or to w, where journald
// files them by priority (sd-daemon(3)).
type journal struct {
	w        io.Writer
	journald bool
	fields   map[string]string // never changed, only replaced
}

// newJournal is an app's.
func newJournal(w io.Writer, journald bool, app string) journal {
	return journal{w, journald, map[string]string{"SYSLOG_IDENTIFIER": "gopm-activator", "GOPM_APP": app}}
}

func (j journal) with(name, value string) journal {
	fields := maps.Clone(j.fields)
	fields[name] = value
	return journal{j.w, j.journald, fields}
}

// of is for lines about an instance.
func (j journal) of(instance int) journal { return j.with("GOPM_INSTANCE", strconv.Itoa(instance)) }

// about is for lines about a worker that it can cause as often as it likes.
func (a *Activator) about(w *worker) journal {
	j := journal{w: io.Discard}
	w.told.Do(func() { j = a.journal.of(w.instance) })
	return j
}

// seldom lets through what others can cause: the first, and then one a second.
// journald would drop the activator's other lines with them (RateLimitBurst=,
// journald.conf(5)).
func seldom() *rate.Sometimes { return &rate.Sometimes{First: 50, Interval: time.Second} }

// as is for a line that tells an event.
func (j journal) as(e event) journal { return j.with("GOPM_EVENT", e.name).with("MESSAGE_ID", e.id) }

func (j journal) info(format string, args ...any)    { j.line(6, format, args) }
func (j journal) notice(format string, args ...any)  { j.line(5, format, args) }
func (j journal) warning(format string, args ...any) { j.line(4, format, args) }
func (j journal) err(format string, args ...any)     { j.line(3, format, args) }

func (j journal) line(priority int, format string, args []any) {
	message := fmt.Sprintf(format, args...)
	if j.journald && sdjournal.Send(message, sdjournal.Priority(priority), j.fields) == nil {
		return
	}
	// Nobody is left to tell where the journal is gone.
	fmt.Fprintf(j.w, "<%d>%s\n", priority, message)
}
