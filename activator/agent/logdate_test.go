package agent_test

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/nodes"
)

func TestLogDateIsWrittenBeforeEachWrite(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "write.cjs", "GOPM_LOG_DATE_FORMAT=[now]")
		w.await(`{"variable":null}`)
		w.exitCode()
		const want = `now: one line
now: two
lines
now: formatted and 1
now: bytes
now: hex
now: text`
		if got := w.output.String(); got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
}

func TestLogDateOfTheExample(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "write.cjs", "GOPM_LOG_DATE_FORMAT=YYYY‑MM‑DD HH:mm Z", "TZ=Europe/Berlin")
		w.await(`{"variable":null}`)
		w.exitCode()
		first, _, _ := strings.Cut(w.output.String(), "\n")
		want := regexp.MustCompile(`^\d{4}‑\d\d‑\d\d \d\d:\d\d \+0[12]:00: one line$`)
		if !want.MatchString(first) {
			t.Errorf("printed %q, want a match of %s", first, want)
		}
	})
}

func TestNothingIsWrittenBeforeWithoutAFormat(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		for _, env := range [][]string{nil, {"GOPM_LOG_DATE_FORMAT="}} {
			w := start(t, major, "write.cjs", env...)
			w.await(`{"variable":null}`)
			w.exitCode()
			if got := w.output.String(); !strings.HasPrefix(got, "one line\ntwo\n") {
				t.Errorf("with %q in the environment: printed\n%s", env, got)
			}
		}
	})
}

func TestLogDateFormats(t *testing.T) {
	t.Parallel()
	evening := time.Date(2026, time.March, 8, 21, 5, 9, 7e6, time.UTC) // a Sunday
	midnight := time.Date(2009, time.December, 31, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		time   time.Time
		zone   string
		format string
		want   string
	}{
		{evening, "UTC", "YYYY‑MM‑DD HH:mm Z", "2026‑03‑08 21:05 +00:00"},
		{evening, "UTC", "YYYY-MM-DDTHH:mm:ss", "2026-03-08T21:05:09"}, // `time: true`
		{evening, "UTC", "YY M MMM MMMM D d dd ddd dddd", "26 3 Mar March 8 0 Su Sun Sunday"},
		{evening, "UTC", "H h hh m s ss SSS A a", "21 9 09 5 9 09 007 PM pm"},
		{evening, "Asia/Kolkata", "DD.MM. HH:mm Z ZZ", "09.03. 02:35 +05:30 +0530"},
		{evening, "America/St_Johns", "HH:mm Z ZZ", "18:35 -02:30 -0230"},
		{evening, "UTC", "[on] dddd [the] D[th]", "on Sunday the 8th"},
		{evening, "UTC", "[YYYY] YYYY, [] %", "YYYY 2026, [] %"},
		{midnight, "UTC", "YY-MM-DD hh:mm A H h", "09-12-31 12:00 AM 0 12"},
	}
	node, err := nodes.Path(18)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		run := exec.Command(node, "testdata/format.cjs", strconv.FormatInt(test.time.UnixMilli(), 10), test.format)
		run.Env = []string{"TZ=" + test.zone}
		out, err := run.CombinedOutput()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != test.want {
			t.Errorf("%s in %s as %q: got %q and error %v, want %q", test.time, test.zone, test.format, got, err, test.want)
		}
	}
}
