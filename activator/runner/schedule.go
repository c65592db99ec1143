package runner

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/gopm/gopm/units"
)

// schedule is when a timer elapses.
type schedule []units.Calendar

// newSchedule reads OnCalendar=.
func newSchedule(timer unit) (schedule, error) {
	var out schedule
	for _, text := range timer["Timer.OnCalendar"] {
		c, err := units.ParseCalendar(text)
		if err != nil {
			return nil, fmt.Errorf("read OnCalendar=: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// after is the first moment after now; zero where there is none.
func (s schedule) after(now time.Time) time.Time {
	var first time.Time
	for _, c := range s {
		if next := next(c, now); first.IsZero() || !next.IsZero() && next.Before(first) {
			first = next
		}
	}
	return first
}

// next is that of one. By cron's rule a moment fits where either its day of the
// month or of the week does, unless one of them is marked as a star.
func next(c units.Calendar, now time.Time) time.Time {
	const star = 1 << 63
	days := c.Days
	if c.LastDay {
		days = 0xf << 28 // one of them is the last
	}
	spec := &cron.SpecSchedule{
		Second: c.Seconds, Minute: c.Minutes, Hour: c.Hours, Month: c.Months,
		Dom: days | star, Dow: c.Weekdays | star, Location: now.Location(),
	}
	for at := spec.Next(now); ; at = spec.Next(at) {
		if at.IsZero() || !c.LastDay || at.AddDate(0, 0, 1).Day() == 1 {
			return at
		}
	}
}
