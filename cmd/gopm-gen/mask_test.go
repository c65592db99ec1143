package main

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/units"
)

func TestMask(t *testing.T) {
	old := "# Generated\n\nA=1\nB=\"two\nlines=x==\n\"\nC='it\\'\nD=a\\\nMIIE=\nGONE=1\nJUNK\n"
	text := "# Generated\nA=1\nB=\"two\nlines=y==\n\"\nC='it\\'\nD=b\\\nMIIE=\nE=\n"
	if got, want := mask(old, ""), "# Generated\n\nA=(hidden)\nB=(hidden)\nC=(hidden)\nD=(hidden)\nGONE=(hidden)\n(hidden)\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := mask(text, old), "# Generated\nA=(hidden)\nB=(hidden, changed)\nC=(hidden)\nD=(hidden, changed)\nE=(hidden)\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzMask: no value is shown, however it is quoted.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"", "x", "\"\n", "'\nA=", "\\\n", "#", "\r\n", "a=b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, text := range []string{"K=\"" + escape(s) + "hunter2" + escape(s) + "\"\n", "K='" + strings.ReplaceAll(s, "'", "") + "hunter2'\n"} {
			if got := mask("# made\n"+text, ""); got != "# made\nK=(hidden)\n" {
				t.Errorf("%q is shown as %q", text, got)
			}
		}
	})
}

// escape makes s fit between double quotes.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// TestSecretChanges: what only root may read is masked on both sides, and a
// change that is only in the value shows as one.
func TestSecretChanges(t *testing.T) {
	secret := func(text string) units.File { return units.File{Path: "etc/gopm/a.env", Text: text, Mode: 0o600} }
	for _, tc := range []struct {
		change units.Change
		want   string
	}{
		{units.Change{Path: "etc/gopm/a.env", Kind: units.Replace, Old: secret("A=old\nB=1\n"), New: secret("A=new\nB=1\n")},
			"diff /etc/gopm/a.env /etc/gopm/a.env\n--- /etc/gopm/a.env\n+++ /etc/gopm/a.env\n@@ -1,2 +1,2 @@\n-A=(hidden)\n+A=(hidden, changed)\n B=(hidden)\n"},
		{units.Change{Path: "etc/gopm/a.env", Kind: units.Create, New: secret("A=new\n")},
			"diff /dev/null /etc/gopm/a.env\n--- /dev/null\n+++ /etc/gopm/a.env\n@@ -0,0 +1,1 @@\n+A=(hidden)\n"},
		{units.Change{Path: "etc/gopm/a.env", Kind: units.Remove, Old: secret("A=old\n")},
			"diff /etc/gopm/a.env /dev/null\n--- /etc/gopm/a.env\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-A=(hidden)\n"},
		{units.Change{Path: "etc/gopm/a.env", Kind: units.Replace, Old: units.File{Text: "A=1\n", Mode: 0o644}, New: secret("A=1\n")},
			"mode of /etc/gopm/a.env: 0644 becomes 0600\n"},
	} {
		if got := unified("/", tc.change); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.change.Kind, got, tc.want)
		}
	}
}

func TestPaint(t *testing.T) {
	c := command{colourOut: true}
	got := c.paint("diff a b\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n")
	want := bold + "diff a b" + plain + "\n" + bold + "--- a" + plain + "\n" + bold + "+++ b" + plain + "\n" +
		cyan + "@@ -1 +1 @@" + plain + "\n" + red + "-x" + plain + "\n" + green + "+y" + plain + "\n z\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := (command{}).paint("+y\n"); got != "+y\n" {
		t.Errorf("got %q without a terminal", got)
	}
}
