package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/gopm/gopm/units"
)

// calendars returns the values of OnCalendar= in a timer.
func calendars(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "OnCalendar="); ok {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}

// elapses asks systemd when calendar events next take place after a moment of
// UTC: n times for each of them.
func elapses(t *testing.T, after time.Time, n int, values []string) [][]time.Time {
	t.Helper()
	args := []string{"calendar", fmt.Sprintf("--iterations=%d", n), "--base-time=" + after.Format(time.DateTime) + " UTC"}
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", append(args, values...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("run %s: %v\n%s", cmd, err, &stderr)
	}
	blocks := strings.Split(strings.TrimSpace(stdout.String()), "\n\n")
	if len(blocks) != len(values) {
		t.Fatalf("systemd-analyze tells of %d events, want %d:\n%s", len(blocks), len(values), &stdout)
	}
	moment := regexp.MustCompile(`\w{3} (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) UTC`)
	var out [][]time.Time
	for _, block := range blocks {
		var times []time.Time
		for _, line := range strings.Split(block, "\n") {
			if !strings.Contains(line, "Next elapse:") && !strings.Contains(line, "Iteration #") && !strings.Contains(line, "Iter. #") {
				continue
			}
			found := moment.FindStringSubmatch(line)
			if found == nil {
				continue // never
			}
			at, err := time.ParseInLocation(time.DateTime, found[1], time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, at)
		}
		out = append(out, times)
	}
	return out
}

// TestCalendarsOfArchives: systemd takes all of them.
func TestCalendarsOfArchives(t *testing.T) {
	var values []string
	for _, c := range conversions(t) {
		for name, text := range c.want {
			if strings.HasSuffix(name, ".timer") {
				values = append(values, calendars(text)...)
			}
		}
	}
	if len(values) == 0 {
		t.Fatal("no archive has a timer")
	}
	for i, times := range elapses(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 2, values) {
		if len(times) == 0 {
			t.Errorf("OnCalendar=%s never comes", values[i])
		}
	}
}

// field makes a part of a cron pattern with numbers from first to last.
func field(r *rand.Rand, first, last int) string {
	number := func() int { return first + r.IntN(last-first+1) }
	span := func() string {
		a, b := number(), number()
		return fmt.Sprintf("%d-%d", min(a, b), max(a, b))
	}
	step := 1 + r.IntN(last-first)
	switch r.IntN(8) {
	case 0:
		return fmt.Sprint(number())
	case 1:
		return span()
	case 2:
		return fmt.Sprintf("*/%d", step)
	case 3:
		return fmt.Sprintf("%s/%d", span(), step)
	case 4:
		return fmt.Sprintf("%d,%s", number(), span())
	}
	return "*"
}

// TestTimersFireLikeCron compares the next five times of random patterns, as
// cron has them and as systemd has them for the timer that is made.
func TestTimersFireLikeCron(t *testing.T) {
	const seed, patterns, times = 3, 300, 5
	r := rand.New(rand.NewPCG(seed, 0))
	after := time.Date(2026, 1, 30, 22, 58, 57, 0, time.UTC)
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	type job struct {
		pattern string
		want    []time.Time
	}
	// Those first that people write.
	given := []string{
		"* * * * *", "*/15 * * * *", "0 3 * * *", "30 4 1 * *", "0 0 1,15 * 1", "0 22 * * 1-5", "5 0 * 8 *", "0 0 * * sun", "0 12 * JAN-MAR mon,WED",
		"0 0 29 2 *", "0 0 31 * *", "59 59 23 31 12 *", "*/7 * * * * *", "0 0 0 1 1 *", "10-20/3 */2 1-5,7 * * *", "0 0 */2 * *", "0 0 ? * 1", "0 0 */9 * 0",
	}
	var jobs []job
	var apps []string
	for i := 0; len(jobs) < patterns; i++ {
		var pattern string
		if i < len(given) {
			pattern = given[i]
		} else {
			parts := []string{field(r, 0, 59), field(r, 0, 23), field(r, 1, 31), field(r, 1, 12), field(r, 0, 6)}
			if r.IntN(2) == 0 {
				parts = append([]string{field(r, 0, 59)}, parts...)
			}
			pattern = strings.Join(parts, " ")
		}
		schedule, err := parser.Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		j := job{pattern: pattern}
		for at := after; len(j.want) < times; {
			// Zero, where there is none within five years.
			if at = schedule.Next(at); at.IsZero() {
				break
			}
			j.want = append(j.want, at)
		}
		if len(j.want) < times {
			continue
		}
		apps = append(apps, fmt.Sprintf(`{ name: 'job-%d', script: 'a.sh', user: 'me', cron_restart: '%s' }`, len(jobs), pattern))
		jobs = append(jobs, j)
	}
	w := newWorkshop(t)
	w.apps(t, strings.Join(apps, ",\n"))
	w.ok(t)
	var values []string
	var from []int // the job of each value
	for i := range jobs {
		text, err := os.ReadFile(filepath.Join(w.dir, "gopm-units", units.SystemDir, fmt.Sprintf("job-%d-restart.timer", i)))
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range calendars(string(text)) {
			values, from = append(values, value), append(from, i)
		}
	}
	got := make([][]time.Time, len(jobs))
	for i, times := range elapses(t, after, times, values) {
		got[from[i]] = append(got[from[i]], times...)
	}
	for i, j := range jobs {
		// A timer with two events fires once for both at one time.
		slices.SortFunc(got[i], time.Time.Compare)
		all := slices.Compact(got[i])
		if all = all[:min(len(all), times)]; !slices.Equal(all, j.want) {
			t.Errorf("%q fires at\n%v, want\n%v", j.pattern, all, j.want)
		}
	}
}
