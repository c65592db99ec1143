// Package conversion measures how long gopm-gen takes to convert an ecosystem
// file, as a whole process, beside a Node that does nothing and one that reads
// the file as PM2 does.
package conversion

import (
	"context"
	"os"

	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/nodes"
	"github.com/gopm/gopm/test/pm2"
)

// Name and About are the measure's in the table.
const (
	Name  = "conversion"
	About = "A file is converted by gopm-gen; PM2 reads and checks it after it loaded what pm2 start loads"
)

// Measure runs each program several times and adds what it took.
func Measure(ctx context.Context, runs int, r *results.Results) error {
	work, err := os.MkdirTemp("", "gopm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s := setting{work: work}
	if s.pm2, err = pm2.Folder(ctx); err != nil {
		return err
	}
	if s.node, err = nodes.Path(24); err != nil {
		return err
	}
	if err := s.build(ctx); err != nil {
		return err
	}
	for _, c := range cases() {
		rivals, err := s.prepare(c)
		if err != nil {
			return err
		}
		for n := range runs + 1 {
			for _, rival := range rivals {
				took, cpu, err := rival.run(ctx)
				if err != nil {
					return err
				}
				// In turn, so that what else the machine does hits all of them, and
				// once before it counts, so that their files are in memory.
				if n > 0 {
					rival.add(r, c.title, n, took, cpu)
				}
			}
		}
	}
	return nil
}
