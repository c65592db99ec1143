package units

import (
	"fmt"
	"math/bits"
	"strings"
)

// Calendar is a set of moments of local time: those whose parts are all in
// their sets. A set has a bit per number; Days and Months begin with bit 1,
// Weekdays with Sunday as bit 0.
type Calendar struct {
	Seconds, Minutes, Hours, Days, Months, Weekdays uint64
	// LastDay is of each month, and stands in for Days.
	LastDay bool
}

// Value makes a Value for OnCalendar= (systemd.time(7), "Calendar events").
func (c Calendar) Value() Value {
	day := "-" + numbers(c.Days, 1, 31)
	if c.LastDay {
		day = "~01"
	}
	date := fmt.Sprintf("*-%s%s %s:%s:%s", numbers(c.Months, 1, 12), day, numbers(c.Hours, 0, 23), numbers(c.Minutes, 0, 59), numbers(c.Seconds, 0, 59))
	if days := weekdays(c.Weekdays); days != "" {
		date = days + " " + date
	}
	return Value{date}
}

// weekdays lists the days of a set; none stands for all.
func weekdays(set uint64) string {
	names := []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
	var days []string
	for i, name := range names {
		if set&(1<<i) != 0 {
			days = append(days, name)
		}
	}
	if len(days) == len(names) {
		return ""
	}
	return strings.Join(days, ",")
}

// numbers writes a set of the numbers from first to last: a star, a first
// number with a step, or a list of numbers and ranges.
func numbers(set uint64, first, last int) string {
	var in []int
	for n := first; n <= last; n++ {
		if set&(1<<n) != 0 {
			in = append(in, n)
		}
	}
	if len(in) == last-first+1 {
		return "*"
	}
	if step := stepOf(in, last); step > 1 {
		return fmt.Sprintf("%02d/%d", in[0], step)
	}
	var parts []string
	for i := 0; i < len(in); {
		run := bits.TrailingZeros64(^(set >> in[i]))
		if run > 2 {
			parts = append(parts, fmt.Sprintf("%02d..%02d", in[i], in[i]+run-1))
			i += run
			continue
		}
		parts = append(parts, fmt.Sprintf("%02d", in[i]))
		i++
	}
	return strings.Join(parts, ",")
}

// stepOf returns the step of numbers that go on in equal steps as far as they
// can, and 0 where they don't.
func stepOf(in []int, last int) int {
	if len(in) < 3 {
		return 0
	}
	step := in[1] - in[0]
	for i, n := range in {
		if n != in[0]+i*step {
			return 0
		}
	}
	if in[len(in)-1]+step <= last {
		return 0
	}
	return step
}
