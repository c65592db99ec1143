package peers

import "context"

// shared is one listener that systemd opens and all workers accept on.
type shared struct{ singles }

func (*shared) Name() string { return "shared listener" }

const sharedSocket = "bench-shared.socket"

func (s *shared) Prepare(ctx context.Context, setup Setup) error {
	err := s.unit(sharedSocket,
		"[Socket]",
		"ListenStream=3000",
		"Backlog=4096",
		"Service="+instance(0),
	)
	if err != nil {
		return err
	}
	// NonBlocking=: Node expects it, and a worker that loses the race for a
	// connection would hang in accept(2).
	return s.prepare(ctx, setup, "Sockets="+sharedSocket, "NonBlocking=yes")
}

func (s *shared) Start(ctx context.Context) error {
	if _, err := s.Systemctl(ctx, "start", sharedSocket); err != nil {
		return err
	}
	return s.singles.Start(ctx)
}

func (s *shared) Stop(ctx context.Context) error {
	if _, err := s.Systemctl(ctx, "stop", sharedSocket); err != nil {
		return err
	}
	return s.singles.Stop(ctx)
}
