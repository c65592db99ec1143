package measures

import (
	"context"
	"fmt"
	"time"

	"github.com/gopm/gopm/test/bench/peers"
)

// settled is how long after a start memory is looked at, and how long an app that
// nobody asks anything is watched.
const settled = 2 * time.Second

// size is how long a start takes with few and with many workers, what the
// supervisor and a worker then take, and what they do while nobody asks anything.
func size(ctx context.Context, r *Round) error {
	for _, n := range r.Sizes {
		if n > lonely && !r.main() {
			continue
		}
		if err := r.sizeOf(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// lonely is the most workers that each peer is measured with. With more, only
// supervisors that know their workers one by one can differ, and a start takes long.
const lonely = 16

func (r *Round) sizeOf(ctx context.Context, n int) error {
	where := fmt.Sprintf("%d workers", n)
	took, err := r.up(ctx, peers.Setup{Workers: n})
	if err != nil {
		return err
	}
	r.add(where, "start to all ready", "ms", ms(took))
	if err := pause(ctx, min(settled, r.After)); err != nil {
		return err
	}
	workers := machineIDs(r.Watch.Living())
	supervisors, err := r.Peer.Supervisors(ctx)
	if err != nil {
		return err
	}
	pss, anonymous, err := r.memory(supervisors)
	if err != nil {
		return err
	}
	if len(supervisors) > 0 {
		r.add(where, "supervisor, PSS", "MB", megabytes(pss))
		r.add(where, "supervisor, RssAnon", "MB", megabytes(anonymous))
	}
	if pss, _, err = r.memory(workers); err != nil {
		return err
	}
	r.add(where, "a worker, PSS", "MB", megabytes(pss)/float64(n))
	for _, who := range []struct {
		name string
		pids []int
	}{{"supervisor", supervisors}, {"workers", workers}} {
		if err := r.idle(ctx, where, who.name, who.pids); err != nil {
			return err
		}
	}
	return r.down(ctx)
}

func (r *Round) idle(ctx context.Context, where, who string, pids []int) error {
	if len(pids) == 0 {
		return nil
	}
	begin, err := r.activity(ctx, pids)
	if err != nil {
		return err
	}
	d := min(settled, r.After)
	if err := pause(ctx, d); err != nil {
		return err
	}
	end, err := r.activity(ctx, pids)
	if err != nil {
		return err
	}
	r.add(where, "idle "+who+", wake-ups", "1/s", float64(end.wakeups-begin.wakeups)/d.Seconds())
	r.add(where, "idle "+who+", CPU", "%", 100*(end.cpu-begin.cpu).Seconds()/d.Seconds())
	return nil
}

// manager runs many apps.
type manager interface {
	StartMany(ctx context.Context, n int, mode peers.Mode) error
	StopMany(ctx context.Context, n int) error
	ManySupervisors(ctx context.Context) ([]int, error)
}

// apps is what the supervisors of many apps of one worker each take.
func apps(ctx context.Context, r *Round) error {
	m, can := r.Peer.(manager)
	if !can {
		return nil
	}
	for _, mode := range []peers.Mode{peers.Cluster, peers.Fork} {
		where := fmt.Sprintf("%d in %s mode", r.Apps, mode)
		begun := time.Now()
		if err := m.StartMany(ctx, r.Apps, mode); err != nil {
			return fmt.Errorf("start %s: %w", where, err)
		}
		if _, err := r.allReady(ctx, r.Apps, begun); err != nil {
			return err
		}
		if err := pause(ctx, min(settled, r.After)); err != nil {
			return err
		}
		pids, err := m.ManySupervisors(ctx)
		if err != nil {
			return err
		}
		pss, anonymous, err := r.memory(pids)
		if err != nil {
			return err
		}
		r.add(where, "supervisors", "", float64(len(pids)))
		r.add(where, "their PSS", "MB", megabytes(pss))
		r.add(where, "their RssAnon", "MB", megabytes(anonymous))
		if err := m.StopMany(ctx, r.Apps); err != nil {
			return fmt.Errorf("stop %s: %w", where, err)
		}
		if _, err := r.Watch.Ready(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

// beginner comes from an ecosystem file.
type beginner interface {
	FirstStart(ctx context.Context, workers int) error
}

// firstStart is the time from an ecosystem file to workers that are ready: for gopm
// the conversion, its units in their place, and their start.
func firstStart(ctx context.Context, r *Round) error {
	b, can := r.Peer.(beginner)
	if !can {
		return nil
	}
	begun := time.Now()
	if err := b.FirstStart(ctx, r.Workers); err != nil {
		return err
	}
	took, err := r.allReady(ctx, r.Workers, begun)
	if err != nil {
		return err
	}
	r.add("", "file to all ready", "ms", ms(took))
	return r.down(ctx)
}
