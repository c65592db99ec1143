package runner

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// spec is one instance of a service unit: what systemd.service(5),
// systemd.exec(5) and systemd.kill(5) say of it, as far as gopm-gen writes it.
// The sandbox is not in it.
type spec struct {
	start, pre, post, stop []command
	variables, envFiles    []string
	user, group, dir       string
	output, errors         string // StandardOutput=, StandardError=
	affinity               string

	killSignal   unix.Signal
	killMode     string
	startTimeout time.Duration // 0: none
	stopTimeout  time.Duration

	restart       bool
	delay         time.Duration
	mostDelay     time.Duration
	steps         int
	limitInterval time.Duration
	limitBurst    int
	success       []int // exit codes
	final         []int // exit codes after which it is not started again
}

// command is one of Exec…=. mayFail: a minus stood before it.
type command struct {
	words   []string
	mayFail bool
}

// What systemd takes where nothing is said (systemd-system.conf(5)).
const (
	defaultTimeout  = 90 * time.Second
	defaultDelay    = 100 * time.Millisecond
	defaultInterval = 10 * time.Second
	defaultBurst    = 5
)

// newSpec reads the instance of a template.
func newSpec(name string, u unit, instance string) (*spec, error) {
	s := &spec{
		user: u.last("Service.User"), group: u.last("Service.Group"),
		dir:      specifiers(u.last("Service.WorkingDirectory"), instance),
		affinity: u.last("Service.CPUAffinity"),
		killMode: u.last("Service.KillMode"),
		restart:  u.last("Service.Restart") == "always",
	}
	bad := func(key string, err error) error { return fmt.Errorf("read %s: %s=: %w", name, key, err) }
	for key, to := range map[string]*[]command{"ExecStart": &s.start, "ExecStartPre": &s.pre, "ExecStartPost": &s.post, "ExecStop": &s.stop} {
		for _, value := range u["Service."+key] {
			c, err := newCommand(value, instance)
			if err != nil {
				return nil, bad(key, err)
			}
			*to = append(*to, c)
		}
	}
	if len(s.start) != 1 {
		return nil, bad("ExecStart", fmt.Errorf("there are %d, not one", len(s.start)))
	}
	for _, value := range u["Service.Environment"] {
		assignments, err := words(value)
		if err != nil {
			return nil, bad("Environment", err)
		}
		for _, a := range assignments {
			s.variables = append(s.variables, specifiers(a, instance))
		}
	}
	for _, value := range u["Service.EnvironmentFile"] {
		s.envFiles = append(s.envFiles, specifiers(value, instance))
	}
	s.output = specifiers(u.last("Service.StandardOutput"), instance)
	s.errors = s.output
	if value := u.last("Service.StandardError"); value != "" {
		s.errors = specifiers(value, instance)
	}
	for _, t := range []struct {
		key  string
		to   *time.Duration
		none time.Duration
	}{
		{"Service.TimeoutStartSec", &s.startTimeout, defaultTimeout},
		{"Service.TimeoutStopSec", &s.stopTimeout, defaultTimeout},
		{"Service.RestartSec", &s.delay, defaultDelay},
		{"Service.RestartMaxDelaySec", &s.mostDelay, 0},
		{"Unit.StartLimitIntervalSec", &s.limitInterval, defaultInterval},
	} {
		*t.to = t.none
		if value := u.last(t.key); value != "" {
			d, err := span(value)
			if err != nil {
				return nil, bad(t.key, err)
			}
			*t.to = d
		}
	}
	s.limitBurst = defaultBurst
	for key, to := range map[string]*int{"Service.RestartSteps": &s.steps, "Unit.StartLimitBurst": &s.limitBurst} {
		if value := u.last(key); value != "" {
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, bad(key, err)
			}
			*to = n
		}
	}
	var err error
	// The signals among them are no failure anyway.
	isClean := func(word string) bool { return slices.Contains(clean, unix.SignalNum(word)) }
	if s.success, err = codes(slices.DeleteFunc(u.list("Service.SuccessExitStatus"), isClean)); err != nil {
		return nil, bad("SuccessExitStatus", err)
	}
	if s.final, err = codes(u.list("Service.RestartPreventExitStatus")); err != nil {
		return nil, bad("RestartPreventExitStatus", err)
	}
	s.killSignal = unix.SIGTERM
	if value := u.last("Service.KillSignal"); value != "" {
		if s.killSignal = unix.SignalNum(value); s.killSignal == 0 {
			return nil, bad("KillSignal", fmt.Errorf("%s is no signal", value))
		}
	}
	return s, nil
}

// newCommand reads a command line. Prefixes other than the minus are about
// privileges that nobody has here.
func newCommand(value, instance string) (command, error) {
	rest := strings.TrimLeft(value, "-+!:@|")
	c := command{mayFail: strings.Contains(value[:len(value)-len(rest)], "-")}
	list, err := words(rest)
	if err != nil {
		return c, err
	}
	if len(list) == 0 {
		return c, fmt.Errorf("%q has no program", value)
	}
	for _, word := range list {
		c.words = append(c.words, specifiers(word, instance))
	}
	return c, nil
}

// codes are exit codes by number.
func codes(list []string) ([]int, error) {
	var out []int
	for _, text := range list {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%s is no exit code", text)
		}
		out = append(out, n)
	}
	return out, nil
}

// span reads a time as gopm-gen writes it: 0 for none is systemd's too.
func span(text string) (time.Duration, error) {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s is no time", text)
	}
	return d, nil
}

// pause is how long the nth restart in a row waits: service_restart_usec_next()
// in systemd's src/core/service.c.
func (s *spec) pause(nth int) time.Duration {
	switch {
	case nth <= 1 || s.steps == 0 || s.delay == 0 || s.mostDelay <= s.delay:
		return s.delay
	case nth > s.steps:
		return s.mostDelay
	}
	growth := math.Pow(float64(s.mostDelay)/float64(s.delay), float64(nth-1)/float64(s.steps))
	return time.Duration(float64(s.delay) * growth)
}

// mayStart forgets starts that no longer count and tells whether another one is
// within StartLimitBurst=.
func (s *spec) mayStart(starts []time.Time, now time.Time) (kept []time.Time, may bool) {
	if s.limitInterval == 0 || s.limitBurst == 0 {
		return nil, true
	}
	for _, at := range starts {
		if now.Sub(at) < s.limitInterval {
			kept = append(kept, at)
		}
	}
	return kept, len(kept) < s.limitBurst
}
