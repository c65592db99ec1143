package units

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
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

// dayNames are those of systemd.time(7), by bit.
var dayNames = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// weekdays lists the days of a set; none stands for all.
func weekdays(set uint64) string {
	var days []string
	for i, name := range dayNames {
		if set&(1<<i) != 0 {
			days = append(days, name)
		}
	}
	if len(days) == len(dayNames) {
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

// ParseCalendar reads what [Calendar.Value] writes.
func ParseCalendar(text string) (Calendar, error) {
	c := Calendar{Weekdays: 1<<len(dayNames) - 1}
	bad := fmt.Errorf("%q is not a calendar event as gopm-gen writes it", text)
	parts := strings.Fields(text)
	if len(parts) == 3 {
		c.Weekdays = 0
		for name := range strings.SplitSeq(parts[0], ",") {
			day := slices.Index(dayNames, name)
			if day < 0 {
				return Calendar{}, bad
			}
			c.Weekdays |= 1 << day
		}
		parts = parts[1:]
	}
	if len(parts) != 2 {
		return Calendar{}, bad
	}
	months, isDate := strings.CutPrefix(parts[0], "*-")
	times := strings.Split(parts[1], ":")
	if !isDate || len(times) != 3 {
		return Calendar{}, bad
	}
	var days string
	if months, c.LastDay = strings.CutSuffix(months, "~01"); !c.LastDay {
		var hasDays bool
		if months, days, hasDays = strings.Cut(months, "-"); !hasDays {
			return Calendar{}, bad
		}
	}
	for _, field := range []struct {
		text        string
		first, last int
		to          *uint64
	}{{months, 1, 12, &c.Months}, {days, 1, 31, &c.Days}, {times[0], 0, 23, &c.Hours}, {times[1], 0, 59, &c.Minutes}, {times[2], 0, 59, &c.Seconds}} {
		if field.to == &c.Days && c.LastDay {
			continue
		}
		set, ok := parseNumbers(field.text, field.first, field.last)
		if !ok {
			return Calendar{}, bad
		}
		*field.to = set
	}
	return c, nil
}

// parseNumbers reads what numbers writes.
func parseNumbers(text string, first, last int) (set uint64, ok bool) {
	if text == "*" {
		text = fmt.Sprintf("%d..%d", first, last)
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil || n < first || n > last {
			return -1
		}
		return n
	}
	if from, step, isStep := strings.Cut(text, "/"); isStep {
		n, by := number(from), 0
		if by, _ = strconv.Atoi(step); n < 0 || by < 1 {
			return 0, false
		}
		for ; n <= last; n += by {
			set |= 1 << n
		}
		return set, true
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "..")
		if !isRange {
			to = from
		}
		if number(from) < 0 || number(to) < number(from) {
			return 0, false
		}
		for n := number(from); n <= number(to); n++ {
			set |= 1 << n
		}
	}
	return set, true
}
