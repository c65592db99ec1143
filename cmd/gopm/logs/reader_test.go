package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// patience bounds what must happen.
const patience = 30 * time.Second

// said is a line without its time.
func (l Line) said() string { return fmt.Sprintf("%d %s %s", l.Instance, l.Stream, l.Text) }

// printing is a journalctl that prints entries, and what follows them.
func printing(entries []string, following string) Journalctl {
	return func(ctx context.Context, args ...string) *exec.Cmd {
		if slices.Contains(args, "--follow") {
			return exec.CommandContext(ctx, "sh", "-c", following)
		}
		newestFirst := slices.Clone(entries)
		slices.Reverse(newestFirst)
		return exec.CommandContext(ctx, "printf", `%s\n`, strings.Join(newestFirst, "\n"))
	}
}

func entryOf(text string) string {
	return fmt.Sprintf(`{"__CURSOR":"c","MESSAGE":%q,"_SYSTEMD_UNIT":"my-api@0.service"}`, text)
}

// Files come before the journal, what there is before what comes; and a file that
// cannot be read keeps nobody from reading the rest.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	log, unreadable := filepath.Join(dir, "out.log"), filepath.Join(dir, "folder")
	if err := errors.Join(os.WriteFile(log, []byte("one\ntwo\nthree\n"), 0o600), os.Mkdir(unreadable, 0o700)); err != nil {
		t.Fatal(err)
	}
	host := fstest.MapFS{"units/my-api@.service": {Data: []byte("StandardOutput=append:" + log + "\nStandardError=append:" + unreadable + "\n")}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reader := Reader{
		Journalctl: printing([]string{entryOf("old"), entryOf("a"), entryOf("no"), entryOf("b\nc")}, "echo '"+entryOf("new")+"'; exec sleep 100"),
		Host:       host, Folders: []string{"/units"}, Tick: time.Millisecond,
	}
	var got, missed []string
	err := reader.Read(ctx, Query{
		Choices: one, Lines: 3, Follow: true,
		Keep: func(l Line) bool { return l.Text != "no" && l.Text != "two" },
		Miss: func(err error) { missed = append(missed, err.Error()) },
	}, func(l Line) {
		got = append(got, l.said())
		switch l.Text {
		case "new":
			if err := os.WriteFile(log, []byte("cut\n"), 0o600); err != nil {
				t.Error(err)
			}
		case "cut":
			cancel()
		}
	})
	want := []string{"0 out one", "0 out three", "0 out a", "0 out b", "0 out c", "0 out new", "0 out cut"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
	if wantMissed := []string{"read " + unreadable + ": read " + unreadable + ": is a directory"}; !slices.Equal(missed, wantMissed) {
		t.Errorf("missed %q, want %q", missed, wantMissed)
	}
}

func TestReadFails(t *testing.T) {
	tests := map[string]struct {
		journalctl Journalctl
		want       string
	}{
		"no journalctl": {func(ctx context.Context, _ ...string) *exec.Cmd { return exec.CommandContext(ctx, "/no/journalctl") },
			"run journalctl: fork/exec /no/journalctl: no such file or directory"},
		"it fails": {func(ctx context.Context, _ ...string) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", "echo no journal >&2; exit 1")
		}, "run journalctl: exit status 1: no journal"},
		"it fails later": {printing([]string{entryOf("a")}, "echo rotated too often >&2; exit 1"), "run journalctl: exit status 1: rotated too often"},
		"no JSON":        {printing([]string{"x"}, ""), "parse entry of the journal: invalid character 'x' looking for beginning of value"},
	}
	for name, test := range tests {
		reader := Reader{Journalctl: test.journalctl, Host: fstest.MapFS{}, Tick: time.Hour}
		err := reader.Read(t.Context(), Query{Choices: one, Lines: 1, Follow: true, Keep: func(Line) bool { return true }}, func(Line) {})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// closed is a file system in which nobody may open some files.
type closed struct {
	fstest.MapFS
	names []string
}

func (c closed) Open(name string) (fs.File, error) {
	if slices.Contains(c.names, name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.Open(name)
}

func (c closed) ReadDir(name string) ([]fs.DirEntry, error) {
	if _, err := c.Open(name); err != nil {
		return nil, err
	}
	return c.MapFS.ReadDir(name)
}

func TestReadable(t *testing.T) {
	const system, users, volatile = "var/log/journal/id/system.journal", "var/log/journal/id/user-1000.journal", "run/log/journal/id"
	files := fstest.MapFS{system: {}, users: {}, volatile + "/system.journal": {}}
	tests := map[string]struct {
		journal Journal
		host    fs.FS
		want    error
	}{
		"root":               {Journal{}, files, nil},
		"none":               {Journal{}, fstest.MapFS{}, nil},
		"closed":             {Journal{}, closed{fstest.MapFS{system: {}, users: {}}, []string{system}}, ErrClosed},
		"the folder":         {Journal{}, closed{fstest.MapFS{volatile + "/system.journal": {}}, []string{volatile}}, ErrClosed},
		"one of two":         {Journal{}, closed{files, []string{system}}, nil},
		"a user's own":       {Journal{User: true, UID: 1000}, closed{fstest.MapFS{system: {}, users: {}}, []string{system}}, nil},
		"another user's own": {Journal{User: true, UID: 1001}, closed{fstest.MapFS{system: {}, users: {}}, []string{system}}, ErrClosed},
	}
	for name, test := range tests {
		if got := test.journal.Readable(test.host); !errors.Is(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
