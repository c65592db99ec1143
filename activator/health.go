package activator

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/nodeipc"
)

const (
	// firstChecks is how often a worker is asked that has yet to answer: it is
	// ready when it does.
	firstChecks = 250 * time.Millisecond
	// mostAnswer bounds what is read of an answer, in bytes.
	mostAnswer = 1 << 20
)

// HealthCheck is how a worker is asked whether it is well: over a pair of
// sockets, one end of which its app gets as it gets a connection.
type HealthCheck struct {
	// Path is asked for (HTTP/1.1 GET), and 2xx or 3xx is well. Empty: to accept
	// the connection is enough.
	Path string
	// Interval is from an answer to the next question, Timeout how long an answer
	// may take.
	Interval, Timeout time.Duration
	// Threshold is the number of failures in a row after which a worker is
	// replaced. For StartPeriod after it is ready they don't count.
	Threshold   int
	StartPeriod time.Duration
}

func (h HealthCheck) String() string {
	if h.Path == "" {
		return "a connection"
	}
	return "GET " + h.Path
}

// isRequestPath tells what can be asked for as it is (RFC 9112, request-target).
func isRequestPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// health is what is known of how a worker answers.
type health struct {
	answered bool // once, so it may be ready
	ready    time.Time
	failures int    // in a row
	hangs    bool   // in the last of these it did not even accept
	said     string // the last reason in the journal
}

// errHangs is the reason where the worker's event loop does not turn.
var errHangs = errors.New("not accepted")

// hangs tells whether a worker does nothing any more.
func (a *Activator) hangs(w *worker) bool { return a.sick(w) && w.health.hangs || a.isHung(w) }

// sick tells whether a worker has failed its check too often.
func (a *Activator) sick(w *worker) bool {
	return w.health != nil && w.health.failures >= a.settings.Health.Threshold
}

// watchHealth begins to ask a worker, unless it is being asked. answered: a
// predecessor has heard it.
func (a *Activator) watchHealth(w *worker, answered bool) {
	if w.health != nil {
		return
	}
	w.health = &health{answered: answered, ready: time.Now()}
	a.check(w)
}

// check asks a worker once, and has it asked again later.
func (a *Activator) check(w *worker) {
	if a.workers[w.instance] != w || w.draining {
		return
	}
	p, err := a.newProbe(w)
	if err != nil {
		a.judge(w, err)
		return
	}
	settings := *a.settings.Health
	go func() {
		err := p.ask(settings)
		a.do(func() { a.judge(w, err) })
	}()
}

// judge draws the conclusion from an answer, or from there being none.
func (a *Activator) judge(w *worker, err error) {
	if a.workers[w.instance] != w || w.draining {
		return
	}
	h := w.health
	wait := a.settings.Health.Interval
	switch {
	case err == nil:
		a.foundWell(w)
	case !h.answered:
		wait = min(wait, firstChecks)
		if said := err.Error(); said != h.said {
			h.said = said
			a.journal.of(w.instance).notice("%s is not ready yet: %s: %v", w.unit, a.settings.Health, err)
		}
	case time.Since(h.ready) >= a.settings.Health.StartPeriod:
		a.foundSick(w, err)
	}
	time.AfterFunc(wait, func() { a.do(func() { a.check(w) }) })
}

func (a *Activator) foundWell(w *worker) {
	h := w.health
	if h.failures > 0 {
		a.journal.of(w.instance).info("%s answers its health check again", w.unit)
	}
	wasSick := a.sick(w)
	h.failures = 0
	if !h.answered {
		h.answered, h.ready = true, time.Now()
		a.checkReady(w)
		a.settle()
	} else if wasSick {
		a.settle()
	}
}

func (a *Activator) foundSick(w *worker, err error) {
	h := w.health
	h.failures++
	h.hangs = errors.Is(err, errHangs)
	most := a.settings.Health.Threshold
	j := a.journal.of(w.instance)
	switch {
	case h.failures < most:
		j.warning("%s fails its health check (%d of %d): %s: %v", w.unit, h.failures, most, a.settings.Health, err)
	case h.failures == most:
		j.as(workerHung).err("%s fails its health check, %d times in a row, and is to be replaced: %s: %v", w.unit, most, a.settings.Health, err)
		a.settle() // others get its connections, where there are any that are well
	}
	if h.failures < most || a.roll != nil || !a.up || a.healthPause.lasts(time.Now()) {
		return
	}
	if w.instance >= a.count {
		return // a surge worker goes by itself
	}
	a.beginRoll(&roll{Roll: a.newRoll([]int{w.instance}), why: "health of " + w.unit, health: true})
}

// restrainHealth has nothing replaced for its health, or because it hangs, for a
// while where such a roll was aborted.
func (a *Activator) restrainHealth(r *roll) {
	if r.Err() == nil {
		a.healthPause.reset()
		return
	}
	a.journal.notice("no worker is replaced for its health, or because it hangs, for the next %s", a.healthPause.begin(time.Now()))
}

// probe is one question to a worker: a connection to it, handed over with newconn,
// as Node's own primary does.
type probe struct {
	conn     net.Conn
	far      int       // its other end, which stays open here until it is accepted
	accepted chan bool // the worker's answer to the handover
}

// newProbe hands one end of a pair of sockets to a worker.
func (a *Activator) newProbe(w *worker) (*probe, error) {
	g := w.listener()
	if g == nil {
		return nil, errors.New("it does not listen")
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make sockets: %w", err)
	}
	near := os.NewFile(uintptr(ends[0]), "health check of "+w.unit)
	conn, err := net.FileConn(near)
	near.Close()
	if err != nil {
		unix.Close(ends[1])
		return nil, fmt.Errorf("make sockets: %w", err)
	}
	p := &probe{conn, ends[1], make(chan bool, 1)}
	a.turn++
	if err := w.channel.SendHandle(nodeipc.NewNewConn(g.key(), a.turn), p.far); err != nil {
		conn.Close()
		unix.Close(p.far)
		return nil, err
	}
	w.probes[a.turn] = p
	return p, nil
}

// acknowledged is a worker's answer to a probe.
func (w *worker) acknowledged(turn int64, accepted bool) {
	if p := w.probes[turn]; p != nil {
		delete(w.probes, turn)
		p.accepted <- accepted
		unix.Close(p.far)
	}
}

// listener is a group that a worker accepts connections of: a declared one where
// there is any. nil where it has none.
func (w *worker) listener() *group {
	var groups []*group
	for g, listens := range w.listens {
		if listens {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	return slices.MinFunc(groups, func(a, b *group) int {
		if a.declared != b.declared {
			if a.declared {
				return -1
			}
			return 1
		}
		return strings.Compare(a.key(), b.key())
	})
}

// ask waits for the worker to accept, and for its answer. It closes the
// connection.
func (p *probe) ask(check HealthCheck) error {
	defer p.conn.Close()
	deadline := time.Now().Add(check.Timeout)
	timeout := time.NewTimer(check.Timeout)
	defer timeout.Stop()
	select {
	case <-timeout.C:
		return fmt.Errorf("%w within %s", errHangs, check.Timeout)
	case accepted := <-p.accepted:
		if !accepted {
			return errors.New("refused")
		}
	}
	if check.Path == "" {
		return nil
	}
	if err := p.conn.SetDeadline(deadline); err != nil {
		return err
	}
	status, err := get(p.conn, check.Path)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %s", check.Timeout)
	case err != nil:
		return fmt.Errorf("no answer in HTTP: %w", err)
	case status < 200 || status > 399:
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// get asks for a path and returns the status of the answer. net/http would be a
// third of this program.
func get(conn net.Conn, path string) (status int, err error) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: gopm-activator\r\nConnection: close\r\n\r\n", path); err != nil {
		return 0, err
	}
	in := textproto.NewReader(bufio.NewReader(io.LimitReader(conn, mostAnswer)))
	for {
		line, err := in.ReadLine()
		if err != nil {
			return 0, err
		}
		version, rest, _ := strings.Cut(line, " ")
		number, _, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(number)
		if err != nil || !strings.HasPrefix(version, "HTTP/1.") {
			return 0, fmt.Errorf("it begins with %.40q", line)
		}
		if status >= 200 {
			// Read to its end, lest the app see its answer cut off.
			_, _ = io.Copy(io.Discard, in.R)
			return status, nil
		}
		if _, err := in.ReadMIMEHeader(); err != nil { // 103 and the like come first
			return 0, err
		}
	}
}
