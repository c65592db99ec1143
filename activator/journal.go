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

// Journal takes a line of an activator's, with its priority (syslog(3)) and the fields
// that gopm-activator(8) tells of.
type Journal func(priority int, message string, fields map[string]string)

// InstanceField is the number of the worker that a line is about.
const InstanceField = "GOPM_INSTANCE"

// Stderr is the Journal of a service with this standard error. Where that leads to
// journald ($JOURNAL_STREAM, systemd.exec(5)), lines go there with their fields, over a
// socket of its own.
func Stderr(stderr io.Writer) Journal {
	text := journalText(stderr)
	if is, err := sdjournal.StderrIsJournalStream(); !is || err != nil || !sdjournal.Enabled() {
		return text
	}
	return func(priority int, message string, fields map[string]string) {
		if sdjournal.Send(message, sdjournal.Priority(priority), fields) != nil {
			text(priority, message, fields)
		}
	}
}

// journalText writes lines without their fields; journald files them by priority
// (sd-daemon(3)).
func journalText(w io.Writer) Journal {
	return func(priority int, message string, _ map[string]string) {
		fmt.Fprintf(w, "<%d>%s\n", priority, message) // nobody is left to tell where that fails
	}
}

// journal is where an app's lines go.
type journal struct {
	to     Journal
	fields map[string]string // never changed, only replaced
}

// newJournal is an app's.
func newJournal(to Journal, app string) journal {
	return journal{to, map[string]string{"SYSLOG_IDENTIFIER": "gopm-activator", "GOPM_APP": app}}
}

func (j journal) with(name, value string) journal {
	fields := maps.Clone(j.fields)
	fields[name] = value
	return journal{j.to, fields}
}

// of is for lines about an instance.
func (j journal) of(instance int) journal { return j.with(InstanceField, strconv.Itoa(instance)) }

// about is for lines about a worker that it can cause as often as it likes.
func (a *Activator) about(w *worker) journal {
	j := journal{to: journalText(io.Discard)}
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
	j.to(priority, fmt.Sprintf(format, args...), j.fields)
}
