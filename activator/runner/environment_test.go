package runner

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestReadEnvironment(t *testing.T) {
	for text, want := range map[string][]string{
		"":                            nil,
		"A=1\nB=2":                    {"A=1", "B=2"},
		"A=1\r\nB=2\r\n":              {"A=1", "B=2"},
		"# A=1\n; B=2\n\n  C = 3  \n": {"C=3"},
		"A='x \"y\"' \nB=\"x 'y' \\\"z\\\" \\$ \\n\"": {`A=x "y"`, `B=x 'y' "z" $ \n`},
		"A=a\\\nb\nB=c\\ d":                           {"A=ab", "B=c d"},
		"A=\"one\ntwo\"\nB=":                          {"A=one\ntwo", "B="},
		"# no end \\\nA=1\nB=2":                       {"B=2"},
		"nothing\n1A=x\nA-B=x\nA_1=x":                 {"A_1=x"},
		"A=x # y":                                     {"A=x # y"},
	} {
		if got := readEnvironment(text); !slices.Equal(got, want) {
			t.Errorf("readEnvironment(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.env")
	if err := os.WriteFile(file, []byte("B=file\nC=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := inherited([]string{"PATH=/bin", "A=outer", "NOTIFY_SOCKET=/run/x", "LISTEN_FDS=1", "NODE_CHANNEL_FD=3"})
	s := &spec{variables: []string{"A=unit", "B=unit"}, envFiles: []string{file, "/etc/gopm/app.env", "-" + dir + "/none"}}
	got, err := s.environment(base, map[string]string{"/etc/gopm/app.env": "C=\"secret\"\n"})
	if want := []string{"PATH=/bin", "A=unit", "B=file", "C=secret"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the environment is %q, %v, want %q", got, err, want)
	}
	s.envFiles = []string{dir + "/none"}
	want := "read EnvironmentFile=: open " + dir + "/none: no such file or directory"
	if _, err := s.environment(base, nil); err == nil || err.Error() != want {
		t.Errorf("without its file: %v, want %s", err, want)
	}
}
