package activator

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/activator/watch"
	"github.com/gopm/gopm/units"
)

// Settings is what an app's drop-in says (gopm-activator@APP.service.d),
// through GOPM_… variables.
type Settings struct {
	// App is the unit name's stem, such as my-api.
	App string
	// Fork: an instance is in no cluster. It is its own server, if it is one at
	// all, and none ever runs twice unless Surge says so.
	Fork bool
	// Instances is the number of workers: a number, or "max", or a negative
	// number to be added to the CPUs.
	Instances string
	// Surge is how many more workers there may be during a roll, and Parallel how
	// many are replaced at a time; 0: not said, see Pace. In fork mode there is no
	// surge where it is not said.
	Surge, Parallel int
	// SettleTime is how long a new worker must stay up after it is ready: the
	// canary of a roll before anything else is touched.
	SettleTime time.Duration
	// WaitReady: a worker is ready when its app has sent "ready", as with PM2.
	WaitReady bool
	// Health is how a worker is asked whether it is well; nil: it is not.
	Health *HealthCheck
	// HangTimeout is how long a worker's event loop may not turn before it is
	// replaced; 0: for ever.
	HangTimeout time.Duration
	// Watch are the files whose change restarts the app; nil where there are
	// none. WatchDelay is how long nothing may change before it is.
	Watch      *watch.Rules
	WatchDelay time.Duration
	// MemoryLimit is the resident size in bytes from which on a worker is
	// replaced; 0 is no limit.
	MemoryLimit uint64
}

// ReadSettings reads the variables that getenv knows.
func ReadSettings(app string, getenv func(string) string) (Settings, error) {
	s := Settings{App: app, Instances: "max", SettleTime: defaultSettle}
	if app == "" || strings.ContainsAny(app, "/@\x00") {
		return s, fmt.Errorf("%q is not an app's unit name", app)
	}
	switch v := getenv("GOPM_MODE"); v {
	case "", "cluster":
	case "fork":
		s.Fork = true
	default:
		return s, fmt.Errorf("GOPM_MODE=%s is neither cluster nor fork", v)
	}
	if v := getenv("GOPM_INSTANCES"); v != "" {
		if _, err := strconv.Atoi(v); v != "max" && err != nil {
			return s, fmt.Errorf("GOPM_INSTANCES=%s is neither a number nor max", v)
		}
		s.Instances = v
	}
	switch v := getenv("GOPM_WAIT_READY"); v {
	case "", "no":
	case "yes":
		s.WaitReady = true
	default:
		return s, fmt.Errorf("GOPM_WAIT_READY=%s is neither yes nor no", v)
	}
	if v := getenv("GOPM_MEMORY_LIMIT"); v != "" {
		limit, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return s, fmt.Errorf("GOPM_MEMORY_LIMIT=%s is not a number of bytes", v)
		}
		s.MemoryLimit = limit
	}
	for _, pace := range []struct {
		name string
		n    *int
	}{{"GOPM_SURGE", &s.Surge}, {"GOPM_PARALLEL", &s.Parallel}} {
		if v := getenv(pace.name); v != "" {
			n, err := strconv.ParseUint(v, 10, 10)
			if err != nil || n < 1 {
				return s, fmt.Errorf("%s=%s is not a number of workers", pace.name, v)
			}
			*pace.n = int(n)
		}
	}
	if err := readTime(getenv, "GOPM_SETTLE_TIME", 0, &s.SettleTime); err != nil {
		return s, err
	}
	if err := s.readHealth(getenv); err != nil {
		return s, err
	}
	if err := readTime(getenv, "GOPM_HANG_TIMEOUT", leastHang, &s.HangTimeout); err != nil {
		return s, err
	}
	if s.Fork && s.HangTimeout > 0 {
		return s, errors.New("GOPM_HANG_TIMEOUT= needs GOPM_MODE=cluster: in fork mode an app is not asked")
	}
	if err := s.readWatch(getenv); err != nil {
		return s, err
	}
	return s, nil
}

// leastHang is far more than a garbage collection takes.
const leastHang = time.Second

// connectOnly is a health check without a path.
const connectOnly = "connect"

// defaultSettle is PM2's least uptime of what counts as stable (min_uptime).
const defaultSettle = time.Second

// defaultHealth is what is not said of a health check.
var defaultHealth = HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Threshold: 3}

func (s *Settings) readHealth(getenv func(string) string) error {
	check := defaultHealth
	switch v := getenv("GOPM_HEALTH_CHECK"); {
	case v == "":
		return nil
	case s.Fork:
		return errors.New("GOPM_HEALTH_CHECK= needs GOPM_MODE=cluster: in fork mode an app's listener is its own")
	case isRequestPath(v):
		check.Path = v
	case v != connectOnly:
		return fmt.Errorf("GOPM_HEALTH_CHECK=%s is neither a path, such as /health, nor %s", v, connectOnly)
	}
	for _, span := range []struct {
		name  string
		least time.Duration
		d     *time.Duration
	}{
		{"GOPM_HEALTH_CHECK_INTERVAL", time.Millisecond, &check.Interval},
		{"GOPM_HEALTH_CHECK_TIMEOUT", time.Millisecond, &check.Timeout},
		{"GOPM_HEALTH_CHECK_START_PERIOD", 0, &check.StartPeriod},
	} {
		if err := readTime(getenv, span.name, span.least, span.d); err != nil {
			return err
		}
	}
	if v := getenv("GOPM_HEALTH_CHECK_THRESHOLD"); v != "" {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil || n < 1 {
			return fmt.Errorf("GOPM_HEALTH_CHECK_THRESHOLD=%s is not a number from 1", v)
		}
		check.Threshold = int(n)
	}
	s.Health = &check
	return nil
}

// defaultWatchDelay makes one event of what an editor or a compiler writes.
const defaultWatchDelay = 100 * time.Millisecond

func (s *Settings) readWatch(getenv func(string) string) error {
	entries := getenv("GOPM_WATCH")
	if entries == "" {
		return nil
	}
	rules, err := watch.NewRules(split(entries), split(getenv("GOPM_WATCH_IGNORE")))
	if err != nil {
		return fmt.Errorf("GOPM_WATCH=, GOPM_WATCH_IGNORE=: %w", err)
	}
	s.Watch = &rules
	err = readTime(getenv, "GOPM_WATCH_DELAY", 0, &s.WatchDelay)
	// With none at all each write of a file would be a change.
	s.WatchDelay = max(defaultWatchDelay, s.WatchDelay)
	return err
}

// readTime reads a variable of milliseconds; d stays where it is not set.
func readTime(getenv func(string) string, name string, least time.Duration, d *time.Duration) error {
	v := getenv(name)
	if v == "" {
		return nil
	}
	ms, err := strconv.ParseUint(v, 10, 31)
	got := time.Duration(ms) * time.Millisecond
	switch {
	case err != nil:
		return fmt.Errorf("%s=%s is not a number of milliseconds", name, v)
	case got < least:
		return fmt.Errorf("%s=%s is too short: the least is %d milliseconds", name, v, least.Milliseconds())
	}
	*d = got
	return nil
}

// split cuts a list at its colons, save those behind a backslash.
func split(list string) []string {
	var entries []string
	begin := 0
	for i := 0; i <= len(list); i++ {
		switch {
		case i == len(list) || list[i] == ':':
			if i > begin {
				entries = append(entries, list[begin:i])
			}
			begin = i + 1
		case list[i] == '\\':
			i++
		}
	}
	return entries
}

// Pace is how many surge workers a roll of count workers has, and how many of
// those it replaces at a time.
//
// By default it is two of four workers and more, as with PM2, and an eighth of sixteen
// and more. So a roll takes about as long as eight restarts, or up to twelve, however
// many workers there are. There are as many surge workers as are away, so that the
// others have no more to do than before.
// In fork mode one is restarted at a time, and there are none unless the
// settings say so: what is away nobody stands in for.
func (s Settings) Pace(count int) (surge, parallel int) {
	parallel = s.Parallel
	if parallel == 0 && !s.Fork {
		parallel = count / 8
		if count >= 4 {
			parallel = max(parallel, 2)
		}
	}
	parallel = min(max(parallel, 1), count)
	surge = s.Surge
	if surge == 0 {
		surge = parallel
	}
	return min(surge, count), parallel
}

// Workers is the number of workers on a machine where cpus may be used; never
// less than one. "max" and 0 are all of them, as with PM2.
func (s Settings) Workers(cpus int) int {
	n, err := strconv.Atoi(s.Instances)
	if err != nil || n <= 0 {
		n += cpus
	}
	return max(n, 1)
}

// unit is the worker unit of an instance.
func (s Settings) unit(instance int) string {
	return units.Worker(s.App, instance)
}

// target is the app's unit: what people start and stop.
func (s Settings) target() string { return s.App + ".target" }

// noun is what an instance is called in messages.
func (s Settings) noun() string {
	if s.Fork {
		return "instances"
	}
	return "workers"
}

// Unit is the activator's unit.
func (s Settings) Unit() string { return units.Activator(s.App) }

// instance is the number of a worker unit; false for any other unit.
func (s Settings) instance(unit string) (int, bool) { return units.InstanceOf(s.App, unit) }
