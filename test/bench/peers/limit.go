package peers

import (
	"context"

	"github.com/gopm/gopm/test/bench/results"
)

// limit is N processes that listen on one port (SO_REUSEPORT, Node 23.1) with
// nothing between them and the kernel: what no supervisor can be faster than.
type limit struct{ singles }

func (*limit) Name() string { return results.Limit }

func (l *limit) Prepare(ctx context.Context, setup Setup) error {
	return l.prepare(ctx, setup, "Environment=PORT=3000 REUSE_PORT=1")
}
