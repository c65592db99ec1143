package test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/fleet"
	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// container is the example under gopm run, as process 1 of a container whose
// root is read-only, for an ordinary user.
type container struct {
	scenario
}

// contain starts it and waits until every worker is ready.
func contain(t *testing.T) container {
	t.Helper()
	s, err := stage.Contain(t.Context(), workers)
	if err != nil {
		t.Fatal(err)
	}
	c := container{scenario: scenario{s, t}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Console())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c.line(0, "my-api@3.service is ready")
	c.eventually("every worker is ready", func() bool { return len(c.ready()) == workers })
	return c
}

// asNode runs a command as the container's user.
func (c container) asNode(ctx context.Context, args ...string) (string, error) {
	return c.Run(ctx, "setpriv", append([]string{"--reuid=1000", "--regid=1000", "--clear-groups", "--"}, args...)...)
}

// gopm calls it as the container's user, who finds the run by that.
func (c container) gopm(args ...string) (string, error) {
	return c.asNode(c.t.Context(), append([]string{"gopm"}, args...)...)
}

// ready are the processes of workers that are, by instance.
func (c container) ready() map[int]int {
	c.t.Helper()
	text, err := c.gopm("ls", "--json")
	c.must(err)
	var apps []fleet.App
	c.must(json.Unmarshal([]byte(text), &apps))
	pids := map[int]int{}
	for _, app := range apps {
		for _, w := range app.Workers {
			if w.State == control.Ready {
				pids[w.Instance] = w.PID
			}
		}
	}
	return pids
}

// line waits for one that gopm has written since there were so many bytes.
func (c container) line(since int, part string) {
	c.t.Helper()
	c.eventually("a line has "+part, func() bool { return strings.Contains(c.Console()[since:], part) })
}

// renewed checks that every worker is another one than before.
func (c container) renewed(old map[int]int) {
	c.t.Helper()
	var now map[int]int
	// On a busy machine one may be stalled for a moment.
	c.eventually("every worker is ready after the reload", func() bool {
		now = c.ready()
		return len(now) == workers
	})
	for instance, pid := range now {
		if slices.Contains(slices.Collect(maps.Values(old)), pid) {
			c.t.Errorf("worker %d still is process %d", instance, pid)
		}
	}
}

// slowly asks for what takes a while, on so many connections, and returns when
// each is in a worker.
func (c container) slowly(n int) <-chan error {
	c.t.Helper()
	answers := make(chan error, n)
	for range n {
		_, conn, err := c.Ask(c.t.Context(), "/api/v1/hello")
		c.must(err)
		c.t.Cleanup(func() { conn.Close() })
		go func() {
			_, err := c.AskOn(c.t.Context(), conn, "/api/v1/slow")
			answers <- err
		}()
	}
	return answers
}

func TestRun(t *testing.T) {
	c := contain(t)
	for _, command := range []string{"touch /srv/my-api/x", "touch /usr/x"} {
		if _, err := c.Run(t.Context(), "sh", "-c", command); err == nil || !strings.Contains(err.Error(), "Read-only file system") {
			t.Errorf("%s: %v, want a read-only root", command, err)
		}
	}
	for i, profile := range load.Profiles() {
		old := c.ready()
		since := len(c.Console())
		c.lossless(c.under(profile, func() {
			if i == 0 {
				c.must(c.Signal(syscall.SIGHUP))
				c.line(since, "reload: done")
			} else if out, err := c.gopm("reload", "my-api"); err != nil || !strings.HasSuffix(out, "reload: done") {
				t.Errorf("gopm reload: %v, %s", err, out)
			}
		}))
		c.renewed(old)
	}

	t.Run("a worker is killed", func(t *testing.T) {
		c := container{scenario{c.Site, t}}
		old := c.ready()
		_, err := c.Run(t.Context(), "kill", "-KILL", strconv.Itoa(old[1]))
		c.must(err)
		c.eventually("there is another", func() bool {
			now := c.ready()
			return len(now) == workers && now[1] != old[1]
		})
		c.askAtOnce(c.dialPort, func(context.Context) {})
	})

	t.Run("a broken release", func(t *testing.T) {
		c := container{scenario{c.Site, t}}
		old := c.ready()
		c.must(c.Deploy(site.Broken))
		c.lossless(c.under(load.KeepAlive, func() {
			_, err := c.gopm("reload", "my-api")
			if err == nil || !strings.Contains(err.Error(), "canary 4 did not become ready: exited with status 1; no old worker was touched") {
				t.Errorf("reload: %v", err)
			}
		}))
		c.eventually("the old workers are ready", func() bool { return maps.Equal(c.ready(), old) })
		c.must(c.Deploy(site.Good))
	})

	t.Run("a crash loop", func(t *testing.T) {
		c := container{scenario{c.Site, t}}
		old := c.ready()
		c.must(c.Deploy(site.Third))
		since := len(c.Console())
		_, err := c.Run(t.Context(), "kill", "-KILL", strconv.Itoa(old[2]))
		c.must(err)
		c.lossless(c.under(load.Slow, func() { c.line(since, "my-api@2.service has failed, and is not started again: started ") }))
		delete(old, 2)
		c.eventually("the others are ready", func() bool { return maps.Equal(c.ready(), old) })
		c.must(c.Deploy(site.Good))
		if _, err := c.gopm("reload", "my-api"); err != nil {
			t.Error(err)
		}
		c.eventually("all are ready", func() bool { return len(c.ready()) == workers })
	})

	t.Run("orphans", func(t *testing.T) {
		c := container{scenario{c.Site, t}}
		// They end after their parent, and are process 1's then.
		_, err := c.asNode(t.Context(), "sh", "-c", "for i in 1 2 3; do (sleep 0.1 &) ; done")
		c.must(err)
		c.eventually("nothing is left of them", func() bool {
			out, err := c.Run(t.Context(), "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | grep -e ' (sleep) ' || true")
			c.must(err)
			return out == ""
		})
	})

	t.Run("SIGTERM", func(t *testing.T) {
		c := container{scenario{c.Site, t}}
		const requests = 2 * workers
		answers := c.slowly(requests)
		c.must(c.Signal(syscall.SIGTERM))
		for range requests {
			if err := <-answers; err != nil {
				t.Errorf("a request under way at SIGTERM: %v", err)
			}
		}
		if code, err := c.Wait(t.Context()); err != nil || code != 0 {
			t.Errorf("gopm ended with %d, %v", code, err)
		}
	})
}
