package nodeipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
)

func TestServeGivesLines(t *testing.T) {
	middling := `"` + strings.Repeat("x", 3*peekSize) + `"`
	long := `"` + strings.Repeat("x", 3*longPeek) + `"`
	tests := map[string]struct {
		writes []string
		lines  []string
	}{
		"one":                    {[]string{"a\n"}, []string{"a"}},
		"two in one write":       {[]string{"a\nb\n"}, []string{"a", "b"}},
		"one in three writes":    {[]string{"a", "b", "c\n"}, []string{"abc"}},
		"longer than one look":   {[]string{middling[:peekSize+1], middling[peekSize+1:] + "\nb\n"}, []string{middling, "b"}},
		"longer than any look":   {[]string{long[:longPeek+1], long[longPeek+1:] + "\nb\n"}, []string{long, "b"}},
		"channel ends in a line": {[]string{"a\nb"}, []string{"a"}},
		"nothing":                {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, worker := pair(t)
			go func() {
				for _, w := range test.writes {
					if _, err := io.WriteString(worker, w); err != nil {
						t.Error(err)
					}
				}
				worker.Close()
			}()
			var lines []string
			err := c.Serve(func(line []byte) error {
				lines = append(lines, string(line))
				return nil
			})
			if err != io.EOF || !slices.Equal(lines, test.lines) {
				t.Errorf("Serve gave %.40q and %v, want %.40q and EOF", lines, err, test.lines)
			}
		})
	}
}

func TestServeDropsAnOverlongLine(t *testing.T) {
	c, worker := pair(t)
	go func() {
		_, _ = io.WriteString(worker, strings.Repeat("x", 3*maxLine)+"\nb\n")
		worker.Close()
	}()
	var lines []string
	err := c.Serve(func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	if want := []string{"b"}; err != io.EOF || !slices.Equal(lines, want) {
		t.Errorf("Serve gave %.40q and %v, want %q and EOF", lines, err, want)
	}
}

// A line that was being handled when the activator was killed is there for the
// next one, which finds the same socket in its descriptor store.
func TestUnhandledLineStaysForTheSuccessor(t *testing.T) {
	c, worker := pair(t)
	if _, err := io.WriteString(worker, "first\nsecond\nthird\n"); err != nil {
		t.Fatal(err)
	}
	stored, err := c.Conn().File()
	if err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	err = c.Serve(func(line []byte) error {
		if string(line) == "second" {
			return killed
		}
		return nil
	})
	if err != killed {
		t.Fatalf("Serve says %v", err)
	}
	c.Close()
	worker.CloseWrite()

	conn, err := net.FileConn(stored)
	if err != nil {
		t.Fatal(err)
	}
	successor, err := New(conn.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	_ = successor.Serve(func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	if want := []string{"second", "third"}; !slices.Equal(lines, want) {
		t.Errorf("the successor reads %q, want %q", lines, want)
	}
}

// A worker may send handles, one even in the middle of a line.
func TestDescriptorsOfAWorkerAreDropped(t *testing.T) {
	c, worker := pair(t)
	before := openFiles(t)
	for _, part := range []string{"a", "b\nc", "\n"} {
		if _, _, err := worker.WriteMsgUnix([]byte(part), unix.UnixRights(0), nil); err != nil {
			t.Fatal(err)
		}
	}
	worker.CloseWrite()
	var lines []string
	_ = c.Serve(func(line []byte) error {
		lines = append(lines, string(line))
		return nil
	})
	if want := []string{"ab", "c"}; !slices.Equal(lines, want) {
		t.Errorf("lines are %q, want %q", lines, want)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}

func TestSendHandle(t *testing.T) {
	c, worker := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	reply := NewReply(Message{Seq: 7}, "key", 0)
	if err := c.SendHandle(reply, int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	data, oob := make([]byte, 4096), make([]byte, 64)
	n, oobn, _, _, err := worker.ReadMsgUnix(data, oob)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"cmd":"NODE_HANDLE","type":"net.Native","msg":{"cmd":"NODE_CLUSTER","ack":7,"key":"key","errno":0,"data":null},"socketType":1,"nativeKind":"tcp"}` + "\n"
	if got := string(data[:n]); got != want {
		t.Errorf("line is %s, want %s", got, want)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("control messages are %v, %v", messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors are %v, %v", fds, err)
	}
	w.Close()
	if _, err := unix.Write(fds[0], []byte("x")); err != nil {
		t.Errorf("write to the descriptor that came: %v", err)
	}
	unix.Close(fds[0])
}

func TestSendNeverBlocks(t *testing.T) {
	c, _ := pair(t) // whose worker is stopped
	var err error
	for range 100 * maxUnsent {
		if err = c.Send(Command{Cmd: CmdGopm, Act: ActDrain}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrUnread) {
		t.Errorf("Send says %v, want %v", err, ErrUnread)
	}
}

func TestParse(t *testing.T) {
	host := "::1"
	ack, fd := int64(3), 5
	long := strings.Repeat("x", maxApp)
	tests := map[string]Message{
		`"ready"`:                                       {App: App{Text: "ready"}},
		`{"cmd":"build","n":1}`:                         {},
		`[1,2]`:                                         {},
		`null`:                                          {},
		`{"type":"axm:monitor","data":{"a":1}}`:         {App: App{Type: "axm:monitor", Data: []byte(`{"a":1}`)}},
		`{"cmd":7,"type":"x","data":1}`:                 {},
		`{"type":"x","data":"` + long + `"}`:            {},
		`{"cmd":"NODE_GOPM","act":"` + long + `"}`:      {Cmd: CmdGopm, Act: long},
		`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`: {Cmd: CmdCluster, Act: ActOnline},
		`{"cmd":"NODE_CLUSTER","ack":3,"accepted":true,"seq":9}`: {Cmd: CmdCluster, Ack: &ack, Accepted: true, Seq: 9},
		`{"cmd":"NODE_CLUSTER","act":"close","key":"[::]:3000"}`: {Cmd: CmdCluster, Act: ActClose, Key: "[::]:3000"},
		`{"cmd":"NODE_GOPM","act":"drained"}`:                    {Cmd: CmdGopm, Act: ActDrained},
		`{"act":"queryServer","address":"::1","port":80,"addressType":6,"fd":5,"index":1,"flags":1,"backlog":0,"data":null,"cmd":"NODE_CLUSTER","seq":2}`: {
			Cmd: CmdCluster, Act: ActQueryServer, Seq: 2, Address: &host, Port: 80, AddressType: 6.0, FD: &fd, Index: 1, Flags: 1},
	}
	for line, want := range tests {
		got, err := Parse([]byte(line))
		if a, b := marshal(t, got), marshal(t, want); err != nil || a != b || !reflect.DeepEqual(got.App, want.App) {
			t.Errorf("Parse(%.200s) is %.200s and %+v, %v; want %.200s and %+v", line, a, got.App, err, b, want.App)
		}
	}
	for _, line := range []string{``, `{`, `ready`, `{"cmd":"NODE_CLUSTER","port":"x"}`, `{"cmd":"NODE_CLUSTER","key":1}`} {
		if m, err := Parse([]byte(line)); err == nil {
			t.Errorf("Parse(%q) is %+v, want an error", line, m)
		}
	}
}

func TestIsInternal(t *testing.T) {
	tests := map[string]bool{
		`{"cmd":"NODE_HANDLE"}`:      true,
		`{"cmd":"NODE\u005fX"}`:      true,
		`{"cmd":"a","cmd":"NODE_X"}`: true, // JSON.parse takes the last
		`{"cmd":"NODE_X","CMD":"a"}`: true,
		`{"CMD":"NODE_X"}`:           false,
		`{"cmd":"NODE_"}`:            false,
		`{"cmd":"cache:clear"}`:      false,
		`{"cmd":["NODE_X"]}`:         false,
		`{"data":{"cmd":"NODE_X"}}`:  false,
		`"NODE_X"`:                   false,
		`null`:                       false,
		`[{"cmd":"NODE_X"}]`:         false,
	}
	for message, want := range tests {
		if got := IsInternal([]byte(message)); got != want {
			t.Errorf("IsInternal(%s) is %v", message, got)
		}
	}
}

func TestUnread(t *testing.T) {
	c, worker := pair(t)
	unread := func(want bool) {
		t.Helper()
		if got, err := c.Unread(); got != want || err != nil {
			t.Errorf("Unread is %v, %v; want %v", got, err, want)
		}
	}
	unread(false)
	if err := c.Send("hello"); err != nil {
		t.Fatal(err)
	}
	unread(true)
	if _, err := worker.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	unread(false)
	for c.Send("hello") == nil {
	}
	unread(true)
	worker.Close()
	if _, err := c.Unread(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("of a worker that has ended, Unread says %v", err)
	}
	c.Close()
	if _, err := c.Unread(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("of a closed channel, Unread says %v", err)
	}
}

// FuzzServe: no bytes of a worker make the channel panic or hang, and every
// line comes whole.
func FuzzServe(f *testing.F) {
	f.Add([]byte("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}\n\"ready\"\nhalf"))
	f.Add([]byte("\n\n\x00\xff\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		c, worker := pair(t)
		go func() {
			_, _ = worker.Write(sent)
			worker.Close()
		}()
		var got []byte
		err := c.Serve(func(line []byte) error {
			_, _ = Parse(line)
			got = append(append(got, line...), '\n')
			return nil
		})
		if whole := sent[:bytes.LastIndexByte(sent, '\n')+1]; err != io.EOF || !bytes.Equal(got, whole) {
			t.Errorf("Serve gave %q and %v, want %q", got, err, whole)
		}
	})
}

func pair(t testing.TB) (*Channel, *net.UnixConn) {
	t.Helper()
	ours, theirs, err := control.Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	c, err := New(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, theirs
}

// openFiles counts them. Some of an earlier test may be closed only now, when who
// read from them has noticed.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
