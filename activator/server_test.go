package activator

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/systemd"
)

// busyManager is systemd while it starts hundreds of units: it tells who a client is,
// but not soon.
type busyManager struct {
	Manager
	takes time.Duration
	state systemd.State
}

func (m busyManager) UnitOf(ctx context.Context, _ int) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(m.takes):
		return "my-api@0.service", nil
	}
}

func (m busyManager) State(context.Context, string) (systemd.State, error) { return m.state, nil }

// A worker is not refused because systemd is busy, before a minute is over: it would be
// started again, and systemd had more to do still.
func TestWorkersOfABusySystemdAreHeard(t *testing.T) {
	tests := map[string]struct {
		takes, wantAfter time.Duration
		want             error
	}{
		"at once":         {0, 0, nil},
		"just in time":    {59 * time.Second, 59 * time.Second, nil},
		"a second late":   {61 * time.Second, time.Minute, context.DeadlineExceeded},
		"as good as dead": {time.Hour, time.Minute, context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conn, worker := connected(t)
			defer conn.Close()
			defer worker.Close()
			state := systemd.State{PID: os.Getpid(), Invocation: "0123456789abcdef0123456789abcdef"}
			peer := &unix.Ucred{Pid: int32(state.PID)}
			synctest.Test(t, func(t *testing.T) {
				a := &Activator{settings: Settings{App: "my-api"}, manager: busyManager{takes: test.takes, state: state}, ctx: t.Context()}
				asked := time.Now()
				got, err := a.authorise(control.Hello{Verb: control.Exec, Invocation: state.Invocation}, peer, conn)
				if after := time.Since(asked); !errors.Is(err, test.want) || after != test.wantAfter {
					t.Errorf("it is answered %v after %s, want %v after %s", err, after, test.want, test.wantAfter)
				}
				if err == nil && got != state {
					t.Errorf("it is taken for %+v, want %+v", got, state)
				}
			})
		})
	}
}
