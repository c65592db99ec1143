package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
)

func TestCommandLine(t *testing.T) {
	tests := map[string]struct {
		args   []string
		stdout string // the beginning of it
		err    string
		usage  bool
	}{
		"help":             {args: []string{"--help"}, stdout: "gopm-activator: share one port"},
		"version":          {args: []string{"--version"}, stdout: "gopm-activator devel\n"},
		"nothing":          {err: "usage: give a verb and an app", usage: true},
		"no app":           {args: []string{"reload"}, err: "usage: give a verb and an app", usage: true},
		"unknown verb":     {args: []string{"relaod", "my-api"}, err: `usage: there is no verb "relaod"`, usage: true},
		"unknown flag":     {args: []string{"reload", "my-api", "--fast"}, err: "usage: unknown flag: --fast", usage: true},
		"no instance":      {args: []string{"wait", "my-api"}, err: "usage: give an instance", usage: true},
		"bad instance":     {args: []string{"drain", "my-api", "-1"}, err: "usage: unknown shorthand flag: '1' in -1", usage: true},
		"no command":       {args: []string{"exec", "my-api", "0", "--"}, err: "usage: exec needs a command", usage: true},
		"bad increment":    {args: []string{"exec", "--increment=PORT=web", "my-api", "0", "--", "node"}, err: "usage: --increment=PORT=web is not NAME=NUMBER", usage: true},
		"increment of -":   {args: []string{"exec", "--increment==1", "my-api", "0", "--", "node"}, err: "usage: --increment==1 is not NAME=NUMBER", usage: true},
		"command unknown":  {args: []string{"exec", "my-api", "0", "--", "no-such-node"}, err: `find no-such-node in PATH: exec: "no-such-node": executable file not found in $PATH`},
		"app without unit": {args: []string{"reload", "no-such-app"}, err: "reload no-such-app: reach the activator of no-such-app: dial unix /run/gopm/no-such-app.sock: connect: no such file or directory; start no-such-app.target or, if it runs and somebody has removed the socket, restart gopm-activator@no-such-app.socket"},
		"status unknown":   {args: []string{"status", "no-such-app"}, err: "status of no-such-app: reach the activator of no-such-app: dial unix /run/gopm/no-such-app.sock: connect: no such file or directory; start no-such-app.target or, if it runs and somebody has removed the socket, restart gopm-activator@no-such-app.socket"},
		"send nothing":     {args: []string{"send", "my-api"}, err: "usage: give a message", usage: true},
		"send words":       {args: []string{"send", "my-api", "0", "hello", "there"}, err: "usage: a message is one word: put it in quotes", usage: true},
		"send to nobody":   {args: []string{"send", "my-api", "al", "hello"}, err: `usage: "al" is not an instance's number`, usage: true},
		"send too much":    {args: []string{"send", "my-api", strings.Repeat("x", 40000)}, err: "a message of 40050 bytes is too long: 32768 at most"},
		"serve a path":     {args: []string{"serve", "../etc"}, err: `"../etc" is not an app's unit name`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout bytes.Buffer
			err := run(t.Context(), test.args, &stdout)
			switch {
			case test.err == "" && (err != nil || !strings.HasPrefix(stdout.String(), test.stdout)):
				t.Errorf("says %q and %v, want %q", stdout.String(), err, test.stdout)
			case test.err != "" && (err == nil || err.Error() != test.err || errors.Is(err, errUsage) != test.usage):
				t.Errorf("fails with %v, want %s", err, test.err)
			}
		})
	}
}

// A stop while the worker starts is no failure. The signal is the cause that
// signal.NotifyContext gives, since Go 1.26.
func TestWaitIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	if err := run(ctx, []string{"wait", "my-api", "0"}, nil); err != nil {
		t.Errorf("fails with %v", err)
	}
}

func TestSendRequest(t *testing.T) {
	tests := []struct {
		args  []string
		topic string
		want  string
	}{
		{[]string{"hello"}, "", `{"gopm":"send","instance":0,"all":true,"data":"hello"}`},
		{[]string{"all", "hello there"}, "", `{"gopm":"send","instance":0,"all":true,"data":"hello there"}`},
		{[]string{"3", `{"a": 1}`}, "", `{"gopm":"send","instance":3,"data":{"a":1}}`},
		{[]string{"7"}, "", `{"gopm":"send","instance":0,"all":true,"data":7}`},
		{[]string{"0", "{a: 1}"}, "cache:clear", `{"gopm":"send","instance":0,"topic":"cache:clear","data":"{a: 1}"}`},
		{[]string{"\"quoted\""}, "", `{"gopm":"send","instance":0,"all":true,"data":"quoted"}`},
	}
	for _, test := range tests {
		request, err := sendRequest(test.args, test.topic)
		if got := strings.TrimSpace(string(control.Line(request))); err != nil || got != test.want {
			t.Errorf("%q becomes %s, %v; want %s", test.args, got, err, test.want)
		}
	}
}

func TestPrintStatus(t *testing.T) {
	metric := func(value, unit string) control.Metric {
		return control.Metric{Value: json.RawMessage(value), Unit: unit}
	}
	five := 5
	var out bytes.Buffer
	err := printStatus(&out, control.Status{
		App: "my-api", Mode: "cluster", Instances: 3, Ready: 1,
		Roll:    &control.Roll{Reason: "reload", Done: 1, Total: 3, Doing: "restart my-api@1.service"},
		Aborted: "the canary failed",
		Workers: []control.Worker{
			{Instance: 0, Unit: "my-api@0.service", PID: 4711, State: control.Ready, Metrics: map[string]control.Metric{
				"Heap Size": metric(`"44.1"`, "MiB"), "Users\x1b[2J": metric("7", "")},
				Measures: &control.Measures{HeapUsed: 7 << 20, RequestsPerSecond: 12.34, Connections: &five, ActiveRequests: &five, Latency: &control.Latency{Mean: 1, P95: 2.25}, EventLoopDelay: &control.Delay{Mean: 0.15}}},
			{Instance: 1, Unit: "my-api@1.service", State: control.Missing},
			{Instance: 3, Unit: "my-api@3.service", PID: 4714, State: control.Settling, Metrics: map[string]control.Metric{
				"Heap Size": metric(`"43.9"`, "MiB")}, Measures: &control.Measures{HeapUsed: 7 << 19}},
		},
		Listeners: []control.Listener{
			{Address: "[::]:3000", Protocol: "tcp", Declared: true, Waiting: 2, Queued: []int{0, 1, 0}},
			{Address: "0.0.0.0:5353", Protocol: "udp"},
			{Address: "/run/my-api/http.sock", Protocol: "unix", Declared: true},
		},
	})
	const want = `my-api: cluster mode, 1 of 3 ready
reload, 1 of 3: restart my-api@1.service
last reload aborted: the canary failed

INSTANCE  UNIT              PID   STATE
0         my-api@0.service  4711  ready
1         my-api@1.service  -     missing
3         my-api@3.service  4714  settling

INSTANCE  REQ/S  ACTIVE  CONNECTIONS  P95 MS  LOOP DELAY MS  HEAP MIB
0         12.3   5       5            2.2     0.1            7.0
1         -      -       -            -       -              -
3         0.0    -       -            -       -              3.5

LISTENER               DECLARED  WAITING  QUEUED BY INSTANCE
[::]:3000              yes       2        0 1 0
udp 0.0.0.0:5353       no        -        -
/run/my-api/http.sock  yes       -        -

METRIC     BY INSTANCE
Heap Size  44.1 - 43.9 MiB
Users?[2J  7 - -
`
	if err != nil || out.String() != want {
		t.Errorf("prints, %v:\n%s\nwant:\n%s", err, &out, want)
	}
}
