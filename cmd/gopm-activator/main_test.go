package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// systemd sends the signal of a stop to the worker first, and the worker's end may be
// known before this process has its own.
func TestWaitOutlivesItsWorker(t *testing.T) {
	at := address("my-api", t.TempDir())
	if err := os.Mkdir(filepath.Dir(at.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	activator, err := net.Listen("unix", at.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer activator.Close()
	go func() {
		for {
			conn, err := activator.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = conn.Write(control.Line(control.Last(errors.New("it ended before it was ready"), false)))
			conn.Close()
		}
	}()
	const soon, late = stopMargin / 2, time.Hour
	for name, test := range map[string]struct {
		worker process
		signal time.Duration // after the worker's end
		want   string
	}{
		"in a stop":                        {process{pidfd: -1, ended: true}, soon, ""},
		"in a stop, as the activator says": {process{pidfd: -1}, soon, ""},
		"by itself":                        {process{pidfd: -1, ended: true}, late, "my-api@0 is not ready: the worker's process has ended"},
		"by itself, as the activator says": {process{pidfd: -1}, late, "it ended before it was ready"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				time.AfterFunc(test.signal, stop)
				got := ""
				if err := wait(ctx, at, []string{"0"}, test.worker); err != nil {
					got = err.Error()
				}
				if got != test.want {
					t.Errorf("fails with %q, want %q", got, test.want)
				}
			})
		})
	}
}
