package nodeipc

import (
	"bytes"
	"encoding/json"
)

// maxApp bounds what is read of an app's own message, in bytes: a longer one
// costs nothing here.
const maxApp = 64 << 10

// App is what an app says by process.send, as far as PM2 gives it a meaning.
// Anything else that it says leaves this empty.
type App struct {
	// Text is a message that is a plain string, such as PM2's "ready".
	Text string
	// Type and Data are those of an object {type, data}, such as PM2's
	// axm:monitor. Data is one JSON value.
	Type string
	Data json.RawMessage
}

// internalHead is how Node's own messages begin, and the agent's.
var internalHead = []byte(`{"cmd":"NODE_`)

// IsInternal tells whether a JSON value is a message that Node keeps from the
// app (lib/internal/child_process.js): one whose cmd begins with NODE_.
func IsInternal(message []byte) bool {
	// A map, since a struct's field would also be filled by "CMD".
	var fields map[string]json.RawMessage
	var cmd string
	return json.Unmarshal(message, &fields) == nil && json.Unmarshal(fields["cmd"], &cmd) == nil && isInternal(cmd)
}

// tooLong tells that a line is an app's own message which is not read.
func tooLong(line []byte) bool { return len(line) > maxApp && !bytes.HasPrefix(line, internalHead) }
