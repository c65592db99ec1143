package runner

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// service is one instance of a service unit. One goroutine, serve, does what it
// is asked for, as systemd would.
type service struct {
	r        *Runner
	of       *runningApp
	name     string // such as my-api@0.service
	instance int
	spec     *spec
	who      account
	requests chan request

	mu       sync.Mutex // guards what follows
	state    systemd.State
	ending   string // how the last run failed; empty where it did not
	starts   []time.Time
	restarts int  // by Restart=, since somebody has started it
	byHand   bool // somebody has stopped it, and may start it again
}

// request is a job. done has room for its result.
type request struct {
	verb rollout.Verb
	done chan error
}

// answer gives all of them their result.
func answer(requests []request, err error) {
	for _, q := range requests {
		q.done <- err
	}
}

// do has a job done and waits for its end.
func (s *service) do(verb rollout.Verb) <-chan error {
	q := request{verb, make(chan error, 1)}
	s.requests <- q
	return q.done
}

// look is its state, and how its last run failed.
func (s *service) look() (systemd.State, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.ending
}

// stopByHand is what somebody asks for who may start it again.
func (s *service) stopByHand() error {
	s.mu.Lock()
	s.byHand = true
	s.mu.Unlock()
	return <-s.do(rollout.Stop)
}

// holdsRun tells whether the run goes on for it.
func (s *service) holdsRun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byHand || s.state.Runs()
}

// forgive forgets that it failed, and how often it was started.
func (s *service) forgive() {
	s.mu.Lock()
	s.starts, s.restarts = nil, 0
	if s.state.Active == "failed" {
		s.state.Active, s.state.Sub, s.ending = "inactive", "dead", ""
	}
	s.mu.Unlock()
}

// set publishes a state.
func (s *service) set(active, sub string) {
	s.mu.Lock()
	s.state.Active, s.state.Sub = active, sub
	s.mu.Unlock()
	s.r.changed()
}

// serve does jobs, one after the other.
func (s *service) serve() {
	for q := range s.requests {
		if q.verb == rollout.Stop {
			answer([]request{q}, nil)
			continue
		}
		s.mu.Lock()
		s.restarts = 0
		s.mu.Unlock()
		for starts := []request{q}; starts != nil; {
			starts = s.run(starts)
		}
	}
}

// run is one run of the unit, from its start until nothing of it is left. The
// jobs in starts are over when it is active. What it returns is not nil where it
// is to be started again, for those jobs.
func (s *service) run(starts []request) []request {
	if s.of.ends() {
		s.set("inactive", "dead")
		answer(starts, rollout.ErrCanceled)
		return nil
	}
	if !s.mayStart() {
		err := fmt.Errorf("started %d times within %s", s.spec.limitBurst, s.spec.limitInterval)
		s.fail(err.Error())
		answer(starts, err)
		return nil
	}
	l := life{s: s, starts: starts}
	l.live()
	switch {
	case len(l.next) > 0:
		answer(l.stops, nil)
		return l.next
	case l.asked:
		if l.result == "" {
			s.set("inactive", "dead")
		} else {
			s.fail(l.result)
		}
		answer(l.stops, nil)
		return nil
	case !s.spec.restart || l.exited && slices.Contains(s.spec.final, l.code) || s.of.ends():
		if l.result == "" {
			s.set("inactive", "dead")
			s.say("%s has ended", s.name)
		} else {
			s.fail(l.result)
		}
		return nil
	}
	return s.restart(l.how())
}

// restart waits as long as RestartSec= says. Who asks for a start gets it at
// once, and who asks for a stop has it.
func (s *service) restart(how string) []request {
	s.mu.Lock()
	s.restarts++
	pause := s.spec.pause(s.restarts)
	s.mu.Unlock()
	s.say("%s %s; it is started again in %s", s.name, how, pause.Round(time.Millisecond))
	s.set("activating", "auto-restart")
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return []request{}
	case q := <-s.requests:
		if q.verb != rollout.Stop {
			return []request{q}
		}
		s.set("inactive", "dead")
		answer([]request{q}, nil)
	case <-s.r.stopping:
		s.set("inactive", "dead")
	}
	return nil
}

// mayStart counts a start.
func (s *service) mayStart() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, may := s.spec.mayStart(s.starts, time.Now())
	if may {
		kept = append(kept, time.Now())
	}
	s.starts = kept
	return may
}

// fail is the end for good.
func (s *service) fail(how string) {
	s.mu.Lock()
	s.ending = how
	s.mu.Unlock()
	s.say("%s has failed, and is not started again: %s", s.name, how)
	s.set("failed", "failed")
}

func (s *service) say(format string, args ...any) { s.r.say(s.of.name, s.instance, format, args...) }

// begin publishes a new run.
func (s *service) begin() (invocation string, err error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	now, err := systemd.Monotonic()
	if err != nil {
		return "", err
	}
	invocation = hex.EncodeToString(id[:])
	s.mu.Lock()
	s.ending, s.byHand = "", false
	s.state = systemd.State{Active: "activating", Sub: "start", Begun: now, Invocation: invocation, Restarts: s.restarts}
	s.mu.Unlock()
	s.r.changed()
	return invocation, nil
}

// born publishes the main process of a run.
func (s *service) born(pid int) {
	s.mu.Lock()
	s.state.PID, s.state.Sub = pid, "start-post"
	s.mu.Unlock()
}

// start starts one of the unit's commands. main is nil where that is the main
// process itself; born is called before the new one can ask for anything.
func (s *service) start(c command, invocation string, main *process, born func(pid int)) (*process, error) {
	env, err := s.spec.environment(append(slices.Clone(s.r.environ), s.who.env...), s.r.secrets)
	if err != nil {
		return nil, err
	}
	// No file says which run it is, nor who the main process is: commands send it signals.
	env = slices.DeleteFunc(env, func(v string) bool {
		return strings.HasPrefix(v, "MAINPID=") || strings.HasPrefix(v, "INVOCATION_ID=")
	})
	env = append(env, "INVOCATION_ID="+invocation)
	if main != nil && main.runs() {
		env = append(env, "MAINPID="+strconv.Itoa(main.pid))
	}
	list := []string{c.words[0]}
	for _, word := range c.words[1:] {
		list = append(list, variables(word, env))
	}
	e := execution{
		words: s.r.tools.place(list), dir: s.spec.dir, env: env, who: s.who,
		affinity: s.spec.affinity,
	}
	var ends []*os.File
	defer func() {
		for _, f := range ends {
			f.Close()
		}
	}()
	for _, stream := range []struct {
		value string
		kind  Kind
		to    **os.File
	}{{s.spec.output, Out, &e.stdout}, {s.spec.errors, Err, &e.stderr}} {
		sink, err := openSink(stream.value)
		if err != nil {
			s.r.once(stream.value, func() { s.say("%s: %v", s.name, err) })
		}
		read, write, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("make a pipe for %s: %w", s.name, err)
		}
		ends = append(ends, write)
		*stream.to = write
		s.r.readers.Go(func() {
			sink.drain(read, func(text []byte) {
				line := Line{At: time.Now(), App: s.of.name, Instance: s.instance, Kind: stream.kind, Text: text}
				if sink.file == nil { // else who asks for it later finds it there
					s.r.tails.add(line)
				}
				s.r.print(line)
			}, func(err error) {
				s.say("%s: write log: %v; its file lacks lines that the output has", s.name, err)
			})
		})
	}
	return e.start(s.r.reaper, s.name, born)
}
