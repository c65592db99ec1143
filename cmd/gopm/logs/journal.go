package logs

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gopm/gopm/units"
)

// worstOut is the least urgent priority (syslog(3)) of what counts as an error:
// 4 is a warning. It is what gopm-activator exec gives a worker's standard error;
// standard output has 6.
const worstOut = 4

// Journal is which part of the journal is read.
type Journal struct {
	// User: the units are those of a user's own manager, with this UID.
	User bool
	UID  int
}

// fields are what is asked of journalctl(1) for each entry.
const fields = "MESSAGE,PRIORITY,GOPM_INSTANCE,_COMM,_PID,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,UNIT,USER_UNIT"

// matches are arguments of journalctl: what may be about the choices. Any field
// without a _ can be forged, so parse looks again.
func (j Journal) matches(choices []Choice) []string {
	from, of := "_SYSTEMD_UNIT=", "UNIT="
	if j.User {
		from, of = "_SYSTEMD_USER_UNIT=", "USER_UNIT="
	}
	var names, out []string
	for _, c := range choices {
		for _, i := range c.instances() {
			names = append(names, units.Worker(c.App, i))
		}
		names = append(names, units.Activator(c.App))
	}
	for _, unit := range names {
		out = append(out, from+unit)
	}
	if j.User {
		out = append(out, "_UID="+strconv.Itoa(j.UID), "+", "_UID="+strconv.Itoa(j.UID))
	} else {
		out = append(out, "+", "_PID=1")
	}
	for _, unit := range names {
		out = append(out, of+unit)
	}
	return out
}

// entry is one line of journalctl --output=json.
type entry struct {
	Cursor   string `json:"__CURSOR"`
	Time     string `json:"__REALTIME_TIMESTAMP"` // microseconds
	Message  field  `json:"MESSAGE"`
	Priority field  `json:"PRIORITY"`
	Instance field  `json:"GOPM_INSTANCE"`
	Comm     field  `json:"_COMM"`
	PID      field  `json:"_PID"`
	Unit     field  `json:"_SYSTEMD_UNIT"`
	UserUnit field  `json:"_SYSTEMD_USER_UNIT"`
	Of       field  `json:"UNIT"`
	UserOf   field  `json:"USER_UNIT"`
}

// field is a field's value: a string, a list of bytes where it is no UTF-8 or has
// control characters, a list of values where the entry has more than one, or null
// (systemd.io/JOURNAL_EXPORT_FORMATS).
type field string

// UnmarshalJSON takes the first value.
func (f *field) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*f = field(text)
		return nil
	}
	var numbers []byte16
	if json.Unmarshal(data, &numbers) == nil {
		raw := make([]byte, len(numbers))
		for i, n := range numbers {
			raw[i] = byte(n)
		}
		*f = field(raw)
		return nil
	}
	var values []field
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("parse field of the journal: %w", err)
	}
	if len(values) > 0 {
		*f = values[0]
	}
	return nil
}

// byte16 is a byte that JSON has as a number: a []byte would be base64.
type byte16 uint16

// parseEntry reads a line of journalctl.
func parseEntry(text []byte) (entry, error) {
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return entry{}, fmt.Errorf("parse entry of the journal: %w", err)
	}
	return e, nil
}

// lines are what an entry says, one or more lines; none where it is about
// something else.
func (j Journal) lines(e entry, choices []Choice) []Line {
	unit, of := string(e.Unit), string(e.Of)
	if j.User {
		unit, of = string(e.UserUnit), string(e.UserOf)
	}
	line, ok := sourceOf(e, unit, of, j.User)
	if !ok || !wanted(line, choices) {
		return nil
	}
	if micros, err := strconv.ParseInt(e.Time, 10, 64); err == nil {
		line.At = time.UnixMicro(micros)
	}
	return line.split(string(e.Message))
}

// sourceOf tells who has said an entry, and of which app.
func sourceOf(e entry, unit, of string, user bool) (Line, bool) {
	// systemd's own lines are about a unit and not from it. Process 1 is the
	// system's; a user's manager is in a unit of the system's.
	if isManager := e.PID == "1" || user && e.Comm == "systemd"; of != "" && isManager {
		app, instance, ok := about(of)
		return Line{App: app, Instance: instance, Stream: Systemd}, ok
	}
	app, instance, ok := about(unit)
	line := Line{App: app, Instance: instance, Stream: Out}
	switch {
	case instance < 0:
		line.Stream = Activator
		if n, err := strconv.Atoi(string(e.Instance)); err == nil {
			line.Instance = n
		}
	case e.Comm == "gopm-activator": // exec, wait or drain
		line.Stream = Activator
	default:
		if priority, err := strconv.Atoi(string(e.Priority)); err == nil && priority <= worstOut {
			line.Stream = Err
		}
	}
	return line, ok
}
