package activator

import (
	"bytes"
	"maps"
	"os"
	"regexp"
	"testing"
)

// The man page is what alerts are written by: it has every event, and no other.
func TestEventsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../packaging/man/gopm-activator.8")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string)
	for _, item := range regexp.MustCompile(`(?m)^\.It Li ([a-z-]+) , Li ([0-9a-f]{32})$`).FindAllSubmatch(page, -1) {
		documented[string(item[2])] = string(item[1])
	}
	if !maps.Equal(documented, Events()) {
		t.Errorf("the man page has %v, want %v", documented, Events())
	}
}

func TestJournalWithoutJournald(t *testing.T) {
	var out bytes.Buffer
	j := newJournal(journalText(&out), "my-api")
	j.of(2).as(workerCrashed).warning("%s has ended", "my-api@2.service")
	j.info("ready")
	if got, want := out.String(), "<4>my-api@2.service has ended\n<6>ready\n"; got != want {
		t.Errorf("lines are %q, want %q", got, want)
	}
	if want := map[string]string{"SYSLOG_IDENTIFIER": "gopm-activator", "GOPM_APP": "my-api"}; !maps.Equal(j.fields, want) {
		t.Errorf("a line about an instance leaves %v, want %v", j.fields, want)
	}
}
