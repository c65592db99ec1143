package activator

import (
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// memoryTick is how often the workers' memory is looked at.
const memoryTick = 5 * time.Second

// memoryUse is an instance that was over its limit.
type memoryUse struct {
	pause    pause
	replaced time.Time // when it was last replaced for that; zero: never
	tooSoon  bool      // it was over the limit again, too soon after that
}

// What is done about a worker over its limit.
type remedy int

const (
	replaceIt remedy = iota
	leaveIt          // for the time of a pause
	pauseIt          // and say so: the last replacement was of no use
)

// remedy is what to do about an instance that is over its limit now. One that
// was replaced for that less than leastPause ago would be over it again and
// again: a pause begins. After it the next attempt is made.
func (m *memoryUse) remedy(now time.Time) remedy {
	switch {
	case m.pause.lasts(now):
		return leaveIt
	case !m.tooSoon && !m.replaced.IsZero() && now.Sub(m.replaced) < leastPause:
		m.tooSoon = true
		return pauseIt
	case !m.tooSoon:
		m.pause.reset()
	}
	m.tooSoon = false
	return replaceIt
}

// checkMemory replaces, or in fork mode restarts, the first worker that is over its limit, as PM2 does:
// by the resident size of the main process.
func (a *Activator) checkMemory() {
	if a.roll != nil || !a.up {
		return
	}
	for _, instance := range a.everyone() {
		w := a.workers[instance]
		if w == nil || !w.ready || w.draining {
			continue
		}
		size, err := residentSize(w.pid)
		if err != nil || size <= a.settings.MemoryLimit {
			continue // a process that is gone has no size
		}
		if a.memory[instance] == nil {
			a.memory[instance] = &memoryUse{}
		}
		m := a.memory[instance]
		j := a.journal.of(instance).as(memoryLimit)
		over := fmt.Sprintf("%s uses %d MiB of memory, over its limit of %d MiB (max_memory_restart)", w.unit, size>>20, a.settings.MemoryLimit>>20)
		switch m.remedy(time.Now()) {
		case replaceIt:
			j.warning("%s", over)
			a.beginRoll(&roll{Roll: a.newRoll([]int{instance}), why: fmt.Sprintf("memory of %s", w.unit), memory: m})
			return
		case pauseIt:
			ago := time.Since(m.replaced).Round(time.Second)
			length := m.pause.begin(time.Now())
			j.err("%s, again, %s after it was replaced for that: the limit is too low for this app, or it leaks fast; it is not replaced for it for the next %s; raise max_memory_restart, or Environment=GOPM_MEMORY_LIMIT= by systemctl edit %s", over, ago, length, a.settings.Unit())
		}
	}
}

// restrainMemory notes the end of a roll for a worker's memory. Where it was
// aborted the next attempt waits, too.
func (a *Activator) restrainMemory(r *roll) {
	r.memory.replaced = time.Now()
	if r.Err() != nil {
		r.memory.tooSoon = true
		a.journal.as(memoryLimit).notice("%s: not tried again for the next %s", r.why, r.memory.pause.begin(time.Now()))
	}
}

// residentSize is in bytes. It reads one file (/proc/PID/statm, proc(5));
// process.NewProcess would read four more, for each worker at each tick.
func residentSize(pid int) (uint64, error) {
	info, err := (&process.Process{Pid: int32(pid)}).MemoryInfo()
	if err != nil {
		return 0, err
	}
	return info.RSS, nil
}
