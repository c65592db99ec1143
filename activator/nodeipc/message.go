// Package nodeipc speaks the primary's side of Node's IPC channel: JSON lines
// over one Unix stream, with descriptors riding beside them (SCM_RIGHTS).
//
// The wire is Node's own (lib/internal/child_process.js and
// lib/internal/cluster in Node 16 to 26); it is the same in all of them for
// what is used here.
package nodeipc

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Commands and acts of the wire. A command that starts with NODE_ is internal:
// the worker's app never sees it.
const (
	CmdCluster = "NODE_CLUSTER"
	CmdHandle  = "NODE_HANDLE"
	CmdAck     = "NODE_HANDLE_ACK"
	// CmdGopm is our own: what the activator and the agent say to each other.
	CmdGopm = "NODE_GOPM"

	ActOnline      = "online"
	ActQueryServer = "queryServer"
	ActListening   = "listening"
	ActClose       = "close"
	ActExited      = "exitedAfterDisconnect"
	ActNewConn     = "newconn"
	ActDrain       = "drain"
	ActDrained     = "drained"
	ActTurn        = "turn"
	ActTook        = "took"
	ActPing        = "ping"
	ActPong        = "pong"
	ActListener    = "listener"
	ActMeasure     = "measure"
	ActMeasured    = "measured"
)

// Message is what a worker says. Fields that its act does not have are zero.
type Message struct {
	Cmd string `json:"cmd"`
	Act string `json:"act"`
	// Seq numbers a message that wants an answer; the answer's Ack repeats it.
	Seq      int64  `json:"seq"`
	Ack      *int64 `json:"ack"`
	Accepted bool   `json:"accepted"`
	Key      string `json:"key"`

	// What the app asked to listen on, in queryServer and listening.
	Address *string `json:"address"`
	Port    int     `json:"port"`
	// AddressType is 4, 6, -1 (a pipe), "udp4" or "udp6".
	AddressType any  `json:"addressType"`
	FD          *int `json:"fd"`
	Index       int  `json:"index"`
	// Data is what the workers of a server share, such as a TLS server's ticket
	// keys: the first worker's is everybody's.
	Data json.RawMessage `json:"data"`
	// Flags are libuv's, since Node 22: 1 is IPv6 only.
	Flags int `json:"flags"`
	// Measures is what the agent has measured, in measured.
	Measures json.RawMessage `json:"measures"`

	// App is the app's own message, where it is one.
	App App `json:"-"`
}

// FromApp tells whether the message is the app's own process.send.
func (m Message) FromApp() bool { return m.Cmd == "" }

// IsAnswer tells whether the message answers one of ours, such as one that a
// connection came with. A worker may send as many of these as there are
// connections.
func (m Message) IsAnswer() bool {
	return m.Cmd == CmdAck || m.Cmd == CmdCluster && m.Ack != nil || m.Cmd == CmdGopm && (m.Act == ActTook || m.Act == ActPong)
}

// Parse reads one line of a worker's channel. A message of the app's own may
// be any JSON value; what is kept of it is App. Of one over 64 KiB nothing is,
// nor is it looked at.
func Parse(line []byte) (Message, error) {
	if tooLong(line) {
		return Message{}, nil
	}
	var head struct {
		Cmd  string          `json:"cmd"`
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	err := json.Unmarshal(line, &head)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return Message{}, fmt.Errorf("parse message: not JSON: %.80q", line)
	}
	if err != nil { // no object, or one that nobody here knows
		var text string
		_ = json.Unmarshal(line, &text)
		return Message{App: App{Text: text}}, nil
	}
	if !isInternal(head.Cmd) {
		return Message{App: App{Type: head.Type, Data: head.Data}}, nil
	}
	var m Message
	if err := json.Unmarshal(line, &m); err != nil {
		return Message{}, fmt.Errorf("parse message: %w", err)
	}
	return m, nil
}

func isInternal(cmd string) bool { return len(cmd) > 5 && cmd[:5] == "NODE_" }

// Reply answers a worker's message.
type Reply struct {
	Cmd string `json:"cmd"`
	Ack int64  `json:"ack"`
	Key string `json:"key,omitempty"`
	// Errno is zero or a negative errno(3), as libuv counts them.
	Errno int `json:"errno"`
	// Data answers a queryServer's. A TLS server throws where it is null.
	Data json.RawMessage `json:"data"`
}

// NewReply is the answer to m. A descriptor sent with it becomes the worker's
// own listener under key.
func NewReply(m Message, key string, errno int) Reply {
	return Reply{Cmd: CmdCluster, Ack: m.Seq, Key: key, Errno: errno}
}

// NewConn gives a worker one accepted connection for the listener key.
type NewConn struct {
	Cmd string `json:"cmd"`
	Act string `json:"act"`
	Key string `json:"key"`
	Seq int64  `json:"seq"`
}

// NewNewConn is the message that a connection rides on; the worker answers
// with seq as its ack.
func NewNewConn(key string, seq int64) NewConn {
	return NewConn{Cmd: CmdCluster, Act: ActNewConn, Key: key, Seq: seq}
}

// Turn lets a worker accept one connection of the listener that rides on it, for
// its server of Key: a path or an address. The agent answers with ActTook, Seq and
// Accepted.
type Turn struct {
	Cmd string `json:"cmd"`
	Act string `json:"act"`
	Key string `json:"key"`
	Seq int64  `json:"seq"`
}

// NewTurn is the message for a listener.
func NewTurn(key string, seq int64) Turn { return Turn{Cmd: CmdGopm, Act: ActTurn, Key: key, Seq: seq} }

// Spare gives an instance in fork mode one more descriptor of the listener Key,
// which rides on it. The agent asks for it by ActListener and Key.
type Spare struct {
	Cmd string `json:"cmd"`
	Act string `json:"act"`
	Key string `json:"key"`
}

// NewSpare is the message for a listener.
func NewSpare(key string) Spare { return Spare{Cmd: CmdGopm, Act: ActListener, Key: key} }

// Command is a message without an answer, to the agent or to Node itself.
type Command struct {
	Cmd string `json:"cmd"`
	Act string `json:"act,omitempty"`
}

// envelope is what a descriptor rides on; the worker unwraps Msg.
type envelope struct {
	Cmd  string `json:"cmd"`
	Type string `json:"type"`
	Msg  any    `json:"msg"`
	// Deno wants these two; Node ignores them.
	SocketType int    `json:"socketType,omitempty"`
	NativeKind string `json:"nativeKind,omitempty"`
}

func wrap(m any) envelope {
	return envelope{Cmd: CmdHandle, Type: "net.Native", Msg: m, SocketType: 1, NativeKind: "tcp"}
}

func wrapDatagram(m any) envelope {
	return envelope{Cmd: CmdHandle, Type: "dgram.Native", Msg: m}
}
