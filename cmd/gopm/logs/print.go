package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/terminal"
)

// Printer writes lines as people or programs want to have them.
type Printer struct {
	Out io.Writer
	// Raw: nothing but what was said.
	Raw bool
	// JSON: an object for each line.
	JSON bool
	// Times: each line begins with its time.
	Times bool
	// Terminal: it is read by one, and gets no control characters of an app's. Colour
	// lets those through that only colour, and colours whose line it is.
	Terminal, Colour bool
	// Highlight is what stands out in each line; nil: nothing.
	Highlight *regexp.Regexp
	// Width is how long the longest name of an app is.
	Width int
}

// record is a line in JSON, in the shape of PM2's logs --json. Its names are
// promised by gopm(1).
type record struct {
	Message   string `json:"message"`
	Timestamp string `json:"timestamp,omitempty"`
	Type      Stream `json:"type"`
	ProcessID *int   `json:"process_id"`
	AppName   string `json:"app_name"`
}

// Print writes one line.
func (p Printer) Print(line Line) error {
	var out []byte
	switch {
	case p.JSON:
		out = p.json(line)
	case p.Raw:
		out = []byte(p.text(line))
	default:
		out = []byte(p.Prefix(line) + p.text(line))
	}
	_, err := p.Out.Write(append(out, '\n'))
	return err
}

func (p Printer) json(line Line) []byte {
	r := record{Message: line.Text, Type: line.Stream, AppName: line.App}
	if !line.At.IsZero() {
		r.Timestamp = line.At.UTC().Format(time.RFC3339Nano)
	}
	if line.Instance >= 0 {
		r.ProcessID = &line.Instance
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(r) // strings always marshal
	return bytes.TrimRight(out.Bytes(), "\n")
}

// The colours of streams, as SGR parameters (ECMA-48). An app's output is as PM2
// has it.
var colours = map[Stream]string{Out: "32", Err: "31", Activator: "36", Systemd: "35"}

// timeLayout is of the local time.
const timeLayout = "2006-01-02T15:04:05.000"

// Prefix tells whose line it is: 0|my-api for a worker's, gopm|my-api for one of
// its activator.
func (p Printer) Prefix(line Line) string {
	who := string(line.Stream)
	if line.Stream.FromApp() {
		who = "-" // of which worker nobody can tell
		if line.Instance >= 0 {
			who = strconv.Itoa(line.Instance)
		}
	}
	prefix := fmt.Sprintf("%s|%-*s | ", who, p.Width, line.App)
	if p.Times {
		at := strings.Repeat(" ", len(timeLayout))
		if !line.At.IsZero() {
			at = line.At.Local().Format(timeLayout)
		}
		prefix = at + " " + prefix
	}
	return p.paint(prefix, colours[line.Stream])
}

// text is what was said. What moves the cursor of a terminal, say, could forge
// other lines.
func (p Printer) text(line Line) string {
	text := line.Text
	if p.Terminal {
		text = terminal.Clean(text, p.Colour)
	}
	if p.Highlight != nil && p.Colour {
		text = p.Highlight.ReplaceAllStringFunc(text, func(s string) string {
			if s == "" {
				return s
			}
			return p.paint(s, "7")
		})
	}
	if p.Colour && strings.Contains(line.Text, "\x1b") {
		text += "\x1b[0m" // it may have ended in the middle of a colour
	}
	return text
}

func (p Printer) paint(text, colour string) string {
	if !p.Colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
