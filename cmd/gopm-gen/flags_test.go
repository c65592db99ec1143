package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestUsageErrors(t *testing.T) {
	const see = "see gopm-gen --help"
	for _, tc := range []struct{ args, text, hint string }{
		{"--dry", "unknown flag: --dry", see},
		{"--dry-run --diff", "--dry-run and --diff: choose one", see},
		{"--check --print-apps --diff", "--diff and --check and --print-apps: choose one", see},
		{"--check --output x", "--check writes nothing, so there is no --output", see},
		{"--print-apps --output x", "--print-apps writes nothing, so there is no --output", see},
		{"--print-units --output x", "--print-units writes nothing, so there is no --output", see},
		{"--print-units --print-apps", "--print-apps and --print-units: choose one", see},
		{"--user --service-user me", "--user units run as whoever starts them, so there is no --service-user", see},
		{"--service-user a:b", `--service-user "a:b": is not the name of an account`, `write the name of a user or group, such as "www-data"`},
		{"--systemd-version 248", "--systemd-version 248: the oldest is 249", "older ones, such as those of Debian 11 and RHEL 8, lack what the units need; upgrade, or write 249"},
		{"--systemd-version 301", "--systemd-version 301: not a version from 249 to 300", see},
		{"--systemd-version new", `invalid argument "new" for "--systemd-version" flag: strconv.ParseInt: parsing "new": invalid syntax`, see},
		{"--only a,,b", `--only "a,,b": the name of an app is empty`, see},
		{"--listen 3000", "--listen 3000: not APP=ADDRESS", see},
		{"--output= x.js", "--output is empty", see},
		{"attributes --diff", "attributes takes --json and nothing else", see},
		{"a.js b.js", "one file at a time, not 2: a.js b.js", see},
	} {
		var stderr bytes.Buffer
		exit := command{stderr: &stderr}.run(t.Context(), strings.Fields(tc.args))
		want := "gopm-gen: error: " + tc.text + "\nhint: " + tc.hint + "\n"
		if exit != exitUsage || stderr.String() != want {
			t.Errorf("%s: exit code %d\n%swant\n%s", tc.args, exit, stderr.String(), want)
		}
	}
}
