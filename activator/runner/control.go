package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/units"
)

// A run's own control socket answers what gopm asks systemd elsewhere. Client is its
// other side.

// writeTimeout is how long a client may take to read an answer.
const writeTimeout = 10 * time.Second

// listenOn opens a run's own control socket.
func listenOn(at control.Address) (*control.Server, error) {
	d, err := openControl(at.Path, 0o600)
	if err != nil {
		return nil, err
	}
	return control.NewServer(d.fd)
}

// greet answers a client, who may have gone before the end.
func (r *Runner) greet(c *control.Client) {
	conn := c.Conn
	defer conn.Close()
	hello, err := c.ReadHello()
	if err == nil {
		err = mayAsk(c.Peer)
	}
	write := func(answer control.Answer) bool {
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := conn.Write(control.Line(answer))
		return err == nil
	}
	switch {
	case err != nil:
	case hello.Verb == control.Units:
		for _, unit := range r.units() {
			if !write(control.Answer{Unit: &unit}) {
				return
			}
		}
	case hello.Verb == control.Logs:
		if err = r.tell(conn, hello); errors.Is(err, errGone) {
			return
		}
	default:
		err = r.serve(hello)
	}
	write(control.Last(err, errors.Is(err, rollout.ErrCanceled)))
}

// mayAsk tells why a client may not ask for anything.
func mayAsk(peer *unix.Ucred) error {
	if int(peer.Uid) == os.Getuid() || peer.Uid == 0 {
		return nil
	}
	return fmt.Errorf("%w: this gopm run is uid %d's, not uid %d's", control.ErrDenied, os.Getuid(), peer.Uid)
}

// serve does what a client asks for, and returns when it is done.
func (r *Runner) serve(hello control.Hello) error {
	switch hello.Verb {
	case control.Start, control.Stop, control.Restart, control.Reload:
		return r.job(hello.Verb, hello.Unit)
	case control.Kill:
		return r.kill(hello.Unit, unix.Signal(hello.Signal))
	case control.Forgive:
		s, err := r.find(hello.Unit)
		if err == nil {
			s.forgive()
		}
		return err
	case control.Scale:
		return r.scale(hello.Unit, hello.Count)
	}
	return fmt.Errorf("client asks for %q, which is unknown; is it of another version?", hello.Verb)
}

// job does a job of a unit, and returns when it is over.
func (r *Runner) job(verb control.Verb, unit string) error {
	if err := r.doJob(verb, unit); err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	return nil
}

func (r *Runner) doJob(verb control.Verb, unit string) error {
	job := rollout.Verb(verb)
	for _, a := range r.apps {
		switch {
		case verb == control.Reload && unit == a.reloader():
			return a.reload(context.Background())
		case verb != control.Reload && unit == a.target():
			if verb == control.Stop {
				return a.stopByHand()
			}
			return a.do(appRequest{verb: job})
		case verb == control.Restart && unit == units.Activator(a.name):
			return a.do(appRequest{verb: job, activator: true})
		}
	}
	s, err := r.find(unit)
	switch {
	case err != nil:
		return err
	case verb == control.Reload:
		return errors.New("a reload is of a whole app")
	case r.stops() && verb != control.Stop:
		return rollout.ErrCanceled
	case verb == control.Stop:
		return s.stopByHand()
	case s.of.isStopped():
		return fmt.Errorf("its app is stopped; start %s", s.of.target())
	}
	return <-s.do(job)
}

// scale sets how many workers an app has from the next start of its activator on;
// empty: what the file says.
func (r *Runner) scale(unit, count string) error {
	for _, a := range r.apps {
		if unit != units.Activator(a.name) || !a.supervised() {
			continue
		}
		if n, err := strconv.Atoi(count); count != "" && count != "max" && (err != nil || n < 1 || n > control.MostWorkers) {
			return fmt.Errorf("%.40q is not a number of workers", count)
		}
		a.mu.Lock()
		a.count = count
		a.mu.Unlock()
		return nil
	}
	return fmt.Errorf("there is no unit %s", unit)
}

// units are all that systemd would have loaded.
func (r *Runner) units() []control.Unit {
	var out []control.Unit
	for _, a := range r.apps {
		r.mu.Lock()
		status := r.status[a.name]
		r.mu.Unlock()
		out = append(out, a.units(status)...)
		services := r.servicesOf(a.name)
		slices.SortFunc(services, func(x, y *service) int { return x.instance - y.instance })
		for _, s := range services {
			unit := s.unit()
			if unit.Active != "inactive" || !a.supervised() && slices.Contains(a.instances, s.instance) {
				out = append(out, unit)
			}
		}
	}
	return out
}

// units are the app's target and its activator, which has said status.
func (a *runningApp) units(status string) []control.Unit {
	a.mu.Lock()
	defer a.mu.Unlock()
	target := control.Unit{
		Name: a.target(), Description: a.title, Active: "inactive", Sub: "dead", Job: string(a.job),
		Output: a.template.last("Service.StandardOutput"), Errors: a.template.last("Service.StandardError"),
	}
	if a.active {
		target.Active, target.Sub = "active", "active"
	}
	if !a.supervised() {
		return []control.Unit{target}
	}
	activator := control.Unit{Name: units.Activator(a.name), Description: a.title, Active: "inactive", Sub: "dead", Environment: a.settings, Status: status}
	switch {
	case a.failed != nil:
		activator.Active, activator.Sub = "failed", "failed"
	case a.job == rollout.Start:
		activator.Active, activator.Sub = "activating", "start"
	case a.job != "":
		activator.Active, activator.Sub = "deactivating", "stop"
	case a.active:
		activator.Active, activator.Sub = "active", "running"
	}
	return []control.Unit{target, activator}
}

// unit is what is known of a service. Only root's run has other users.
func (s *service) unit() control.Unit {
	who := s.spec.user
	if os.Getuid() != 0 || who == "" {
		who = ownName()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	restart := "no"
	if s.spec.restart {
		restart = "always"
	}
	return control.Unit{
		Name: s.name, Description: s.of.title, Active: s.state.Active, Sub: s.state.Sub,
		PID: s.state.PID, Restarts: s.restarts,
		Dir: s.spec.dir, User: who, Restart: restart, Exec: s.spec.start[0].words,
	}
}

// ownName is who this process runs as: where nobody has a name for that, a number.
func ownName() string {
	own, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return own.Username
}
