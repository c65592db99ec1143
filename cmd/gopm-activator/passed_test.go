package main

import (
	"slices"
	"testing"
)

func TestPassedNames(t *testing.T) {
	for _, c := range []struct {
		pid, count, names string
		want              []string
	}{
		{"7", "3", "control:my-api.socket:stored", []string{"control", "my-api.socket", "stored"}},
		{"7", "2", "", []string{"", ""}},
		{"7", "2", "control", []string{"control", ""}},
		{"7", "1", "control:more", []string{"control"}},
		{"8", "1", "control", nil},
		{"", "1", "control", nil},
		{"7", "", "control", nil},
		{"7", "0", "", nil},
		{"7", "-1", "control", nil},
		{"7", "many", "control", nil},
	} {
		environment := map[string]string{"LISTEN_PID": c.pid, "LISTEN_FDS": c.count, "LISTEN_FDNAMES": c.names}
		got := passedNames(func(name string) string { return environment[name] }, 7)
		if !slices.Equal(got, c.want) {
			t.Errorf("LISTEN_PID=%s LISTEN_FDS=%s LISTEN_FDNAMES=%s passes %q, want %q", c.pid, c.count, c.names, got, c.want)
		}
	}
}
