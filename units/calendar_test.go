package units_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gopm/gopm/units"
)

// TestParseCalendar reads what Value writes, for sets as they come.
func TestParseCalendar(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	// set is not empty. Few, many, all or every so many: each is written differently.
	set := func(first, last int) uint64 {
		all := uint64(1)<<(last+1) - uint64(1)<<first
		out := random.Uint64() & all
		switch random.IntN(4) {
		case 0:
			out = all
		case 1:
			out &= random.Uint64() & random.Uint64()
		case 2:
			out = 0
			for n, step := first, 1+random.IntN(9); n <= last; n += step {
				out |= 1 << n
			}
		}
		if out == 0 {
			out = 1 << last
		}
		return out
	}
	for range 20000 {
		c := units.Calendar{Seconds: set(0, 59), Minutes: set(0, 59), Hours: set(0, 23), Days: set(1, 31), Months: set(1, 12), Weekdays: set(0, 6)}
		if random.IntN(5) == 0 {
			c.Days, c.LastDay = 0, true
		}
		text := c.Value().String()
		got, err := units.ParseCalendar(text)
		if err != nil || got != c {
			t.Fatalf("ParseCalendar(%q) = %+v, %v\nwant %+v", text, got, err, c)
		}
	}
}

func TestParseCalendarRefuses(t *testing.T) {
	for _, text := range []string{
		"", "daily", "*-*-* 00:00", "*-*-* 00:00:60", "Mon..Fri *-*-* 00:00:00", "Any *-*-* 00:00:00", "2026-*-* 00:00:00",
		"*-* 00:00:00", "*-13-* 00:00:00", "*-*-00 00:00:00", "*-*-* 00/0:00:00", "*-*-* 05..04:00:00", "*-*-* x:00:00", "*-*-* 00:00:00 Berlin",
	} {
		want := `"` + text + `" is not a calendar event as gopm-gen writes it`
		if c, err := units.ParseCalendar(text); err == nil || err.Error() != want {
			t.Errorf("ParseCalendar(%q) = %+v, %v, want %s", text, c, err, want)
		}
	}
}
