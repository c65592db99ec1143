package agent_test

import (
	"fmt"
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
		w.await(`{"variables":[]}`)
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
		w.await(`{"variables":[]}`)
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
			w.await(`{"variables":[]}`)
			w.exitCode()
			if got := w.output.String(); !strings.HasPrefix(got, "one line\ntwo\n") {
				t.Errorf("with %q in the environment: printed\n%s", env, got)
			}
		}
	})
}

func TestLogTypeJSON(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "write.cjs", "GOPM_LOG_TYPE=json", "GOPM_LOG_NAME=my‑api", "NODE_APP_INSTANCE=2")
		w.await(`{"variables":[]}`)
		w.exitCode()
		got := regexp.MustCompile(`"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`).ReplaceAllString(w.output.String(), `"timestamp":"now"`)
		if want := jsonLogs("now", 2, "my‑api"); got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
}

// jsonLogs is what write.cjs prints.
func jsonLogs(timestamp string, instance int, app string) string {
	var lines []string
	for _, message := range []string{`one line\n`, `two\nlines\n`, `formatted and 1\n`, `bytes\n`, `hex\n`, `text\n`} {
		stream := "out"
		if strings.HasPrefix(message, "formatted") {
			stream = "err"
		}
		lines = append(lines, fmt.Sprintf(`{"message":"%s","timestamp":"%s","type":"%s","process_id":%d,"app_name":"%s"}`,
			message, timestamp, stream, instance, app))
	}
	return strings.Join(lines, "\n")
}

// With both the object wins, and has its time in the format.
func TestLogTypeJSONWithAFormat(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := start(t, major, "write.cjs", "GOPM_LOG_TYPE=json", "GOPM_LOG_DATE_FORMAT=[then]", "GOPM_LOG_NAME=a")
		w.await(`{"variables":[]}`)
		w.exitCode()
		if got, want := w.output.String(), jsonLogs("then", 0, "a"); got != want {
			t.Errorf("printed\n%s\nwant\n%s", got, want)
		}
	})
}

// What is no cluster's worker has only its logs changed, where they ask for it.
func TestLogsOfAProcessOutsideACluster(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		tests := map[string]struct {
			env  []string
			want string
		}{
			"plain": {nil, "one line\ntwo\nlines\nformatted and 1\nbytes\nhex\ntext"},
			"dated": {[]string{"GOPM_LOG_DATE_FORMAT=[now]"}, "now: one line\nnow: two\nlines\nnow: formatted and 1\nnow: bytes\nnow: hex\nnow: text"},
			"json":  {[]string{"GOPM_LOG_TYPE=json", "GOPM_LOG_DATE_FORMAT=[now]", "GOPM_LOG_NAME=job", "NODE_APP_INSTANCE=1"}, jsonLogs("now", 1, "job")},
		}
		for name, test := range tests {
			if got := runAlone(t, major, "write.cjs", test.env...); got != test.want {
				t.Errorf("%s: printed\n%s\nwant\n%s", name, got, test.want)
			}
		}
		if got, want := runAlone(t, major, "loaded.cjs", "GOPM_LOG_TYPE=json"), `["agent.cjs","dates.cjs","logs.cjs"]`; !strings.Contains(got, strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("loaded is %s, want %s", got, want)
		}
	})
}

// runAlone runs a script of testdata with the agent and without a channel, and
// returns what it prints.
func runAlone(t *testing.T, major int, script string, env ...string) string {
	t.Helper()
	node, err := nodes.Path(major)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(node, "--require="+agentFile(t), "testdata/"+script)
	run.Env = append([]string{}, env...)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("run %s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
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
