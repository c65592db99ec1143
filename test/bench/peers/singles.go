package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/gopm/gopm/test/bench/life"
)

// singles are workers that know nothing of each other: a service each, which
// systemd starts again when it ends.
type singles struct {
	Stage
	workers int
}

// template is the workers' unit; instance is what each is called in it.
const template = "bench-single@.service"

// firstPort is worker 0's where each has its own; %i is the port then.
const firstPort = 3100

// listenTimeout is how long a new worker has to become ready: PM2's default.
const listenTimeout = 3 * time.Second

func instance(i int) string { return fmt.Sprintf("bench-single@%d.service", firstPort+i) }

func (s *singles) instances() []string {
	var names []string
	for i := range s.workers {
		names = append(names, instance(i))
	}
	return names
}

// prepare writes the unit, with what a peer adds to it.
func (s *singles) prepare(ctx context.Context, setup Setup, lines ...string) error {
	s.workers = setup.Workers
	if err := s.secure(ctx, setup.TLS); err != nil {
		return err
	}
	unit := append([]string{
		"[Unit]",
		"StartLimitIntervalSec=0",
		"[Service]",
		"Type=exec",
		"ExecStart=" + node + "/node " + root + "/app.cjs",
		"Environment=NODE_ENV=production",
		"LimitNOFILE=infinity",
		"Restart=always",
	}, lines...)
	if err := s.unit(template, unit...); err != nil {
		return err
	}
	_, err := s.Systemctl(ctx, "daemon-reload")
	return err
}

func (s *singles) Start(ctx context.Context) error {
	_, err := s.Systemctl(ctx, append([]string{"start"}, s.instances()...)...)
	return err
}

// Reload restarts one after the other, each when the one before it is ready. One
// that never is stops the reload, as a deployment script would.
func (s *singles) Reload(ctx context.Context) error {
	for _, name := range s.instances() {
		pid, err := s.MainPID(ctx, name)
		if err != nil {
			return err
		}
		if _, err := s.Systemctl(ctx, "restart", name); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, listenTimeout)
		_, err = s.Watch.Replaced(waiting, s.workers, []life.Worker{{PID: pid}})
		cancel()
		if err != nil {
			return fmt.Errorf("restart %s: %w", name, err)
		}
	}
	return nil
}

func (s *singles) Stop(ctx context.Context) error {
	_, err := s.Systemctl(ctx, append([]string{"stop"}, s.instances()...)...)
	return err
}

func (s *singles) Supervisors(context.Context) ([]int, error) { return nil, nil }
