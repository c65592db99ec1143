package ecosystem

import (
	"errors"
	"strings"

	"github.com/robfig/cron/v3"
)

// Schedule is when a cron pattern fires: in local time, on every moment whose
// parts are all in their sets. A set is a bit per number; Days and Months begin
// with bit 1, Weekdays with Sunday as bit 0.
type Schedule struct {
	Seconds, Minutes, Hours, Days, Months, Weekdays uint64
	// LastDay is of each month, and stands in for Days.
	LastDay bool
}

// fields are cron's, with seconds before them where there are six.
var fields = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// anyDay is set by the parser in a field that is a star.
const anyDay = 1 << 63

// schedules reads a pattern of five fields, or six with seconds first, as
// croner 4 does for PM2. Where both the day of the month and the day of the
// week are limited, either will do (crontab(5)): that makes two schedules.
func schedules(pattern string) ([]Schedule, error) {
	parts := strings.Fields(pattern)
	if len(parts) != 5 && len(parts) != 6 {
		return nil, errors.New("has neither five fields nor six")
	}
	if strings.Contains(pattern, "=") {
		return nil, errors.New("names a time zone; a timer goes by that of the machine")
	}
	last := len(parts) - 1
	parts[last] = sundays(parts[last])
	day := &parts[last-2]
	lastDay := *day == "L" || *day == "l"
	if lastDay {
		*day = "1"
	}
	parsed, err := fields.Parse(strings.Join(parts, " "))
	spec, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return nil, errors.New("is not a cron pattern of numbers, names, lists, ranges and steps")
	}
	s := Schedule{spec.Second &^ anyDay, spec.Minute &^ anyDay, spec.Hour &^ anyDay, spec.Dom &^ anyDay, spec.Month &^ anyDay, spec.Dow &^ anyDay, lastDay}
	if spec.Dom&anyDay != 0 || spec.Dow&anyDay != 0 {
		return []Schedule{s}, nil
	}
	byDay, byWeekday := s, s
	byDay.Weekdays, byWeekday.Days, byWeekday.LastDay = everyWeekday, everyDay, false
	return []Schedule{byDay, byWeekday}, nil
}

const (
	everyWeekday = 1<<7 - 1
	everyDay     = 1<<32 - 2
)

// seven is Sunday at the end of the week, which the parser does not know.
var seven = pattern(`(^|,)(?:([0-6]|[A-Za-z]{3})-)?7(,|$)`)

// sundays writes 7 as 0, and a range that ends in it as one up to Saturday.
func sundays(field string) string {
	return seven().ReplaceAllStringFunc(field, func(found string) string {
		m := seven().FindStringSubmatch(found)
		days := "0"
		if m[2] != "" {
			days = m[2] + "-6,0"
		}
		return m[1] + days + m[3]
	})
}
