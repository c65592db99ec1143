package activator

import (
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// memoryTick is how often the workers' memory is looked at.
const memoryTick = 5 * time.Second

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
		a.journal.of(instance).as(memoryLimit).warning("%s uses %d MiB of memory, over its limit of %d MiB (max_memory_restart)", w.unit, size>>20, a.settings.MemoryLimit>>20)
		a.beginRoll(&roll{Roll: a.newRoll([]int{instance}), why: fmt.Sprintf("memory of %s", w.unit)})
		return
	}
}

// residentSize is in bytes.
func residentSize(pid int) (uint64, error) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0, err
	}
	info, err := p.MemoryInfo()
	if err != nil {
		return 0, err
	}
	return info.RSS, nil
}
