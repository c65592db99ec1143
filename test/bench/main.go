// Command bench runs the example app under gopm and under PM2, one after the
// other on the same machine with the same Node, and prints what each cost and
// lost. Only the ratios mean something: machines differ.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/pm2"
	"github.com/gopm/gopm/test/site"
)

const (
	workers = 4
	// steady is how long throughput is measured.
	steady = 5 * time.Second
	// after is how long the load goes on after something went wrong.
	after = 5 * time.Second
	// reloads are made under each load.
	reloads = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	stage, err := site.NewStage(ctx)
	if err != nil {
		return err
	}
	defer stage.Close()
	pm2Folder, err := pm2.Folder(ctx)
	if err != nil {
		return err
	}
	s, err := stage.Boot(ctx, site.Options{
		Nodes:     []int{24},
		Activator: []string{"GOPM_INSTANCES=" + strconv.Itoa(workers)},
		Folders:   map[string]string{pm2OnMachine: pm2Folder},
	})
	if err != nil {
		return err
	}
	defer s.Close()

	var columns []column
	for _, m := range []manager{gopm{s}, pm2Daemon{s}} {
		c, err := measure(ctx, s, m)
		if err != nil {
			return fmt.Errorf("measure %s: %w", m.name(), err)
		}
		columns = append(columns, c)
	}
	return show(columns[0], columns[1])
}

// manager is what runs the app: gopm or its peer.
type manager interface {
	name() string
	start(context.Context) error
	reload(context.Context) error
	stop(context.Context) error
	// supervisor is the process that is there beside the workers.
	supervisor(context.Context) (pid int, err error)
}

// column is what was measured of one manager.
type column struct {
	name       string
	throughput []float64 // requests a second, by profile
	memory     int       // kB of the supervisor, its share (PSS)
	reload     []load.Result
	killed     load.Result
	broken     load.Result
}

func measure(ctx context.Context, s *site.Site, m manager) (column, error) {
	c := column{name: m.name()}
	fmt.Fprintf(os.Stderr, "%s: starting %d workers\n", m.name(), workers)
	if err := start(ctx, s, m); err != nil {
		return c, err
	}
	for _, p := range load.Profiles() {
		fmt.Fprintf(os.Stderr, "%s: %s, %s of load and %d reloads\n", m.name(), p, steady, reloads)
		wrk, err := s.Wrk(p).Start(ctx)
		if err != nil {
			return c, err
		}
		pause(ctx, steady)
		r, err := wrk.Stop()
		if err != nil {
			return c, err
		}
		c.throughput = append(c.throughput, float64(r.Answered)/steady.Seconds())
		r, err = under(ctx, s, p, func() error {
			for range reloads {
				if err := m.reload(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return c, err
		}
		c.reload = append(c.reload, r)
	}
	pid, err := m.supervisor(ctx)
	if err != nil {
		return c, err
	}
	if c.memory, err = share(s, pid); err != nil {
		return c, err
	}

	fmt.Fprintf(os.Stderr, "%s: reloading to a release that throws at start\n", m.name())
	if err := s.Deploy(site.Broken); err != nil {
		return c, err
	}
	c.broken, err = under(ctx, s, load.KeepAlive, func() error {
		_ = m.reload(ctx) // may say that it failed
		pause(ctx, after)
		return nil
	})
	if err != nil {
		return c, err
	}
	if err := s.Deploy(site.Good); err != nil {
		return c, err
	}
	if err := m.stop(ctx); err != nil {
		return c, err
	}
	if err := start(ctx, s, m); err != nil {
		return c, err
	}

	fmt.Fprintf(os.Stderr, "%s: killing the supervisor\n", m.name())
	if pid, err = m.supervisor(ctx); err != nil {
		return c, err
	}
	c.killed, err = under(ctx, s, load.KeepAlive, func() error {
		_, err := s.Run(ctx, "kill", "-KILL", strconv.Itoa(pid))
		pause(ctx, after)
		return err
	})
	if err != nil {
		return c, err
	}
	return c, m.stop(ctx)
}

// start starts the app and waits until it listens, which PM2 does not.
func start(ctx context.Context, s *site.Site, m manager) error {
	if err := m.start(ctx); err != nil {
		return err
	}
	for {
		refuses, err := s.Refuses(ctx)
		if err != nil || !refuses {
			return err
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// under runs do while requests are sent, and counts what becomes of them.
func under(ctx context.Context, s *site.Site, p load.Profile, do func() error) (load.Result, error) {
	running := s.Client(p).Start(ctx)
	pause(ctx, time.Second)
	doErr := do()
	r, err := running.Stop()
	if doErr != nil {
		return r, doErr
	}
	return r, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// share is the proportional set size of a process, in kB (proc(5), smaps_rollup).
func share(s *site.Site, pid int) (int, error) {
	text, err := s.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, fmt.Errorf("read memory of process %d: no Pss", pid)
}

// show prints both columns as a Markdown table.
func show(ours, theirs column) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "| \t| %s\t| %s\t| ratio\t|\n|---\t|---\t|---\t|---\t|\n", ours.name, theirs.name)
	for i, p := range load.Profiles() {
		fmt.Fprintf(w, "| %s, requests/s\t| %.0f\t| %.0f\t| %.2f\t|\n", p, ours.throughput[i], theirs.throughput[i], ours.throughput[i]/theirs.throughput[i])
	}
	fmt.Fprintf(w, "| supervisor's memory (PSS), MB\t| %.1f\t| %.1f\t| %.2f\t|\n", megabytes(ours.memory), megabytes(theirs.memory), float64(ours.memory)/float64(theirs.memory))
	for i, p := range load.Profiles() {
		row(w, fmt.Sprintf("%d reloads, %s", reloads, p), ours.reload[i], theirs.reload[i])
	}
	row(w, "reload to a release that throws", ours.broken, theirs.broken)
	row(w, "supervisor killed", ours.killed, theirs.killed)
	return w.Flush()
}

func row(w *tabwriter.Writer, what string, ours, theirs load.Result) {
	fmt.Fprintf(w, "| %s\t| %s\t| %s\t| \t|\n", what, lost(ours), lost(theirs))
}

func lost(r load.Result) string {
	return fmt.Sprintf("%d of %d failed", r.Failures(), r.Answered+r.Failures())
}

func megabytes(kB int) float64 { return float64(kB) / 1000 }
