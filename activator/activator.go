// Package activator owns an app's listeners and the channels of its workers,
// and sets the pace at which workers are replaced.
//
// One goroutine, the loop in Run, owns all state; every other one only waits
// for something and then hands the loop a function to call. What must outlive
// the process is in the service's descriptor store and in systemd.
package activator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
)

// Activator is the activator of one app.
type Activator struct {
	settings Settings
	count    int // of workers: instances 0 to count-1; surge workers come after them
	surge    int // how many of those a roll of all workers has
	parallel int // how many workers are replaced at a time
	journal  journal
	notifier notifier
	manager  Manager

	control *control.Server
	refused *rate.Sometimes // lines about clients
	groups  []*group
	// datagrams are the app's UDP sockets.
	datagrams []*datagram
	held      []held // in fork mode, in place of groups
	// noKernel is why the kernel selector cannot be used; nil where it can.
	noKernel error

	workers map[int]*worker // by instance: those with a live channel
	early   map[*client]run // waits that came before their worker
	intakes map[place]*intake
	// turn numbers what a worker answers to. It begins where no predecessor's can
	// be: a worker may still answer to one of those.
	turn    int64
	lookout *lookout // nil in fork mode, where nobody is steered to
	surveys []*survey

	// was is how many workers a predecessor had. cut: that was another number, and
	// a roll was under way.
	was       int
	counted   bool     // the number of today has its mark
	oldCounts []string // marks of others
	cut       bool

	left bool // Run ends
	// takesOver: in fork mode, the app was started by a predecessor. What does
	// not run now has ended by itself.
	takesOver bool
	// interrupted is when the roll began that a predecessor in fork mode was
	// killed in (systemd.State.Begun); 0 where there was none.
	interrupted uint64
	up          bool // every worker was started; rolls may begin
	roll        *roll
	next        *roll // what was asked for meanwhile
	starting    int   // start jobs that are not over
	// overtaken are instances whose job a stop took the place of: that they
	// failed to start is no news to anyone.
	overtaken []int
	aborted   string // why the last roll was aborted
	// healthPause: nothing is replaced for its health, or because it hangs.
	healthPause pause
	memory      map[int]*memoryUse // by instance: those that were over their limit
	status      string
	// ends counts how often an instance has ended by itself while that is
	// followed, see followEnd.
	ends map[int]int

	ctx    context.Context // until Run returns
	events chan func()
}

// Environment is the world outside: what main knows.
type Environment struct {
	Getenv  func(string) string
	Host    fs.FS // the root of the file system
	Journal Journal
	Manager Manager
	// Passed are the sockets of the app's socket units and what a predecessor has
	// stored, under the names that systemd gives them (sd_listen_fds(3)). Run takes
	// them over.
	Passed []*os.File
	// Notify hears what a service tells its manager, in place of the one that
	// $NOTIFY_SOCKET leads to; nil: it is for that one.
	Notify Notifier
}

// busyTick is how often systemd is asked for more time while workers start or
// are rolled, and busyTime is how much it is asked for: many workers need more
// than TimeoutStartSec=, which also bounds ExecReload= (systemd.service(5)).
const (
	busyTick = 10 * time.Second
	busyTime = 60 * time.Second
)

// Run serves the app until ctx ends. Everything it holds is in the descriptor
// store then, for the next one. It returns an error only where it cannot begin.
func Run(ctx context.Context, s Settings, env Environment) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	a := &Activator{
		settings: s,
		count:    s.Workers(CPUs(env.Host)),
		journal:  newJournal(env.Journal, s.App),
		notifier: notifier{env.Getenv("NOTIFY_SOCKET"), env.Notify},
		manager:  env.Manager,
		workers:  make(map[int]*worker),
		early:    make(map[*client]run),
		intakes:  make(map[place]*intake),
		memory:   make(map[int]*memoryUse),
		ends:     make(map[int]int),
		ctx:      running,
		events:   make(chan func()),
		refused:  seldom(),
	}
	a.was = a.count
	a.surge, a.parallel = s.Pace(a.count)
	now, err := systemd.Monotonic()
	if err != nil {
		return err
	}
	a.turn = int64(now)
	states, err := a.states()
	if err != nil {
		return err
	}
	if !s.Fork {
		if a.lookout, err = newLookout(); err != nil {
			return err
		}
		defer a.lookout.close()
	}
	defer a.close()
	if err := a.inherit(env.Passed, states); err != nil {
		return err
	}
	a.cut = a.wasCut(states)
	a.settle()
	for _, w := range a.workers {
		switch {
		case a.settings.Health == nil:
		case w.ready:
			a.watchHealth(w, true)
		default:
			a.checkReady(w)
		}
	}
	go a.acceptControl()
	if a.lookout != nil {
		go a.watchTraffic()
	}
	if s.HangTimeout > 0 {
		go a.every(s.HangTimeout/pingsPerHang, a.checkHangs)
	}
	if s.MemoryLimit > 0 {
		go a.every(memoryTick, a.checkMemory)
	}
	if s.Watch != nil {
		go a.watch(running)
	}
	a.startMissing(a.missing(states))

	asked := ctx.Done()
	for !a.left {
		select {
		case <-asked:
			asked = nil
			go func() {
				job, err := a.manager.OwnJob(a.ctx)
				a.do(func() {
					a.report(err)
					a.leave(job)
				})
			}()
		case event := <-a.events:
			event()
		}
	}
	return nil
}

// leave ends Run: at once where the activator restarts, since everything is in
// the store by now. Where it is stopped the store goes, and with it the
// channels, and with those the workers: they are drained and stopped first.
// When the whole app stops systemd has done that already, but for a surge worker
// that began too late.
func (a *Activator) leave(job string) {
	for _, r := range []*roll{a.roll, a.next} {
		if r != nil {
			r.answer(rollout.ErrCanceled)
		}
	}
	if job != "stop" {
		a.left = true
		return
	}
	for _, instance := range a.overtaken {
		a.manager.Forgive(a.ctx, a.settings.unit(instance))
	}
	running := slices.Collect(maps.Keys(a.workers))
	if a.settings.Fork {
		running = append(running, a.everyone()...) // also those between two runs
		a.report(a.notifier.forget(startedMark))
	}
	if a.roll != nil {
		for _, job := range a.roll.Running() {
			running = append(running, job.Instance)
		}
	}
	slices.Sort(running)
	running = slices.Compact(running)
	stopping := len(running)
	a.left = stopping == 0
	for _, instance := range running {
		a.runJob(rollout.Job{Verb: rollout.Stop, Instance: instance}, func(err error) {
			a.report(err)
			stopping--
			a.left = stopping == 0
		})
	}
}

// close closes all that is open here: the process may go on. A copy of what is to
// outlive the activator is in the store.
func (a *Activator) close() {
	if a.control != nil {
		a.control.Close()
	}
	for c := range a.early {
		c.conn.Close()
	}
	for _, in := range a.intakes {
		in.stop()
	}
	for _, w := range a.workers {
		w.close()
	}
	for _, g := range a.groups {
		g.Close()
	}
	for _, d := range a.datagrams {
		unix.Close(d.fd)
	}
	for _, h := range a.held {
		unix.Close(h.fd)
	}
}

// do runs event in the loop and returns when it has run; it returns false, not
// having run it, when the activator ends.
func (a *Activator) do(event func()) bool {
	done := make(chan struct{})
	select {
	case a.events <- func() { event(); close(done) }:
		<-done
		return true
	case <-a.ctx.Done():
		return false
	}
}

// every hands event to the loop at each tick.
func (a *Activator) every(tick time.Duration, event func()) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-ticker.C:
			a.do(event)
		}
	}
}

// settle makes the world follow the state: who is steered to, who accepts for
// whom, and what systemctl status shows. It is called after each change.
func (a *Activator) settle() {
	a.closeUnused()
	a.closeDatagrams()
	for _, g := range a.groups {
		a.report(g.Steer(a.slots(g)))
	}
	a.placeIntakes()
	a.giveTurns()
	if a.lookout != nil {
		a.armLookout()
	}
	a.dismissSurge()
	a.showStatus()
}

// ready is the number of workers in rotation, the surge worker aside.
func (a *Activator) ready() int {
	ready := 0
	for instance, w := range a.workers {
		if w.ready && !w.draining && instance < a.count {
			ready++
		}
	}
	return ready
}

func (a *Activator) showStatus() {
	status := fmt.Sprintf("%d of %d %s ready", a.ready(), a.count, a.settings.noun())
	switch {
	case a.roll != nil:
		done, total := a.roll.Progress()
		status += fmt.Sprintf("; rolling %d/%d: %s", done, total, a.doing())
	case a.aborted != "":
		status += "; last reload aborted: " + a.aborted
	}
	if status != a.status {
		a.status = status
		a.report(a.notifier.say("STATUS=" + status))
	}
}

// doing is what the roll has systemd do now.
func (a *Activator) doing() string {
	jobs := a.roll.Running()
	if len(jobs) == 0 {
		return "about to begin"
	}
	text := fmt.Sprintf("%s %s", jobs[0].Verb, a.settings.unit(jobs[0].Instance))
	if more := len(jobs) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// report puts an error that nothing else can be done about into the journal.
func (a *Activator) report(err error) {
	if err != nil {
		a.journal.err("%v", err)
	}
}

// missing are the instances that have to be started.
func (a *Activator) missing(states map[int]systemd.State) []int {
	known := 0 // what they do is settled
	if a.takesOver {
		known = a.was
	}
	var missing []int
	for instance := range a.count {
		if instance >= known && states[instance].Active != "active" {
			missing = append(missing, instance)
		}
	}
	return missing
}

// startMissing starts instances, all at once, and tells systemd that the app is
// up when each is ready or has failed.
func (a *Activator) startMissing(missing []int) {
	for _, instance := range missing {
		a.starting++
		a.runJob(rollout.Job{Verb: rollout.Start, Instance: instance}, func(err error) {
			a.starting--
			switch {
			case errors.Is(err, rollout.ErrCanceled):
				a.overtaken = append(a.overtaken, instance)
				a.followEnd(instance)
			case err != nil:
				a.journal.of(instance).err("%s did not start: %v", a.settings.unit(instance), err)
				a.followEnd(instance)
			}
			a.whenStarted()
		})
	}
	a.whenStarted()
}

// whenStarted goes on when no start job is left: only then may a roll that was
// interrupted take another worker away.
func (a *Activator) whenStarted() {
	if a.starting > 0 {
		return
	}
	a.settle()
	if a.settings.Fork && !a.takesOver {
		a.report(a.notifier.mark(startedMark))
	}
	a.report(a.notifier.say("READY=1"))
	a.restSoon(0)
	go func() {
		states, err := a.states()
		a.do(func() {
			a.report(err)
			a.resume(states)
		})
	}()
}

// runJob has systemd do a job and hands its result to the loop. Meanwhile
// systemd is asked for the time that our own start or reload takes.
func (a *Activator) runJob(job rollout.Job, done func(error)) {
	ended := make(chan error, 1)
	go func() { ended <- a.manager.Run(a.ctx, job.Verb, a.settings.unit(job.Instance)) }()
	go func() {
		busy := time.NewTicker(busyTick)
		defer busy.Stop()
		for {
			select {
			case err := <-ended:
				a.do(func() { done(err) })
				return
			case <-busy.C:
				a.report(a.notifier.extend(busyTime))
			}
		}
	}()
}
