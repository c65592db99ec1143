package systemd

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gopm/gopm/activator/control"
)

// encoded is a message as systemd sends it.
func encoded(t *testing.T, order binary.ByteOrder, kind dbus.Type, headers map[dbus.HeaderField]any, body ...any) []byte {
	t.Helper()
	m := dbus.Message{Type: kind, Headers: map[dbus.HeaderField]dbus.Variant{}, Body: body}
	for field, value := range headers {
		m.Headers[field] = dbus.MakeVariant(value)
	}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	var out bytes.Buffer
	if err := m.EncodeTo(&out, order); err != nil {
		t.Fatal(err)
	}
	order.PutUint32(out.Bytes()[8:], 1) // only a connection gives it a number
	return out.Bytes()
}

func TestSift(t *testing.T) {
	long := strings.Repeat("x", 5000)
	little, big := binary.LittleEndian, binary.BigEndian
	signal := func(order binary.ByteOrder, path, member string, body ...any) []byte {
		return encoded(t, order, dbus.TypeSignal, map[dbus.HeaderField]any{
			dbus.FieldPath: dbus.ObjectPath(path), dbus.FieldInterface: "org.freedesktop.systemd1.Manager", dbus.FieldMember: member,
		}, body...)
	}
	answer := func(body ...any) []byte {
		return encoded(t, little, dbus.TypeMethodReply, map[dbus.HeaderField]any{dbus.FieldReplySerial: uint32(7)}, body...)
	}
	refusal := encoded(t, little, dbus.TypeError, map[dbus.HeaderField]any{dbus.FieldReplySerial: uint32(7), dbus.FieldErrorName: "org.example.No"}, "no")
	over := signal(little, "/", "JobRemoved", uint32(3), dbus.ObjectPath("/job/3"), "my-api@0.service", "done")
	others := signal(little, "/", "JobRemoved", uint32(4), dbus.ObjectPath("/job/4"), "my-apis@0.service", "done")
	ours := func(message []byte) bool { return bytes.Contains(message, []byte("my-api@0.service\x00")) }
	tests := map[string]struct {
		sent  [][]byte
		wants []int // which of them come through
	}{
		"authentication":              {[][]byte{[]byte("REJECTED EXTERNAL\r\n"), []byte("OK 1234\r\nAGREE_UNIX_FD\r\n"), over}, []int{0, 1, 2}},
		"an answer":                   {[][]byte{answer(long)}, []int{0}},
		"an answer without a body":    {[][]byte{answer()}, []int{0}},
		"an error":                    {[][]byte{refusal}, []int{0}},
		"the end of a job":            {[][]byte{over, over}, []int{0, 1}},
		"the end of another's":        {[][]byte{others, over}, []int{1}},
		"other signals":               {[][]byte{signal(little, "/", "JobNew", "x"), signal(little, "/", "PropertiesChanged", long), over}, []int{2}},
		"one that speaks of it":       {[][]byte{signal(little, "/", "UnitNew", "JobRemoved"), over}, []int{1}},
		"of a machine of other order": {[][]byte{signal(big, "/", "UnitNew", long), signal(big, "/", "JobRemoved", uint32(1), dbus.ObjectPath("/job/1"), "my-api@0.service", "done")}, []int{1}},
		"too long to be looked at":    {[][]byte{signal(little, "/", "JobRemoved", long), over}, []int{0, 1}},
		"more fields than are read":   {[][]byte{signal(little, "/"+long, "UnitNew"), over}, []int{0, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var wanted []byte
			for _, i := range test.wants {
				wanted = append(wanted, test.sent[i]...)
			}
			var got bytes.Buffer
			if err := sift(&got, bytes.NewReader(bytes.Join(test.sent, nil)), ours); err != io.EOF {
				t.Errorf("ended with %v", err)
			}
			if !bytes.Equal(got.Bytes(), wanted) {
				t.Errorf("got %d bytes, want %d:\n%q", got.Len(), len(wanted), got.Bytes())
			}
		})
	}
}

// A message that claims to have gigabytes ends the connection.
func TestSiftTooLong(t *testing.T) {
	head := []byte{'l', byte(dbus.TypeSignal), 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 8, 0, 0, 0}
	err := sift(io.Discard, bytes.NewReader(head), func([]byte) bool { return true })
	if err == nil || err.Error() != "message is too long" {
		t.Errorf("got error %v", err)
	}
}

// What is between the two ends closes with either of them.
func TestWithoutSignals(t *testing.T) {
	for name, leaves := range map[string]func(near, systemd *net.UnixConn){
		"the client": func(near, _ *net.UnixConn) { near.Close() },
		"systemd":    func(_, systemd *net.UnixConn) { systemd.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			systemd, between, err := control.Pair()
			if err != nil {
				t.Fatal(err)
			}
			near, err := withoutSignals(between, func([]byte) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			defer systemd.Close()
			for _, way := range []struct{ from, to *net.UnixConn }{{near, systemd}, {systemd, near}} {
				if _, err := way.from.Write([]byte("AUTH\r\n")); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, 6)
				if _, err := io.ReadFull(way.to, got); err != nil || string(got) != "AUTH\r\n" {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			leaves(near, systemd)
			stays := near
			if name == "the client" {
				stays = systemd
			}
			if n, err := stays.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("read %d bytes, %v", n, err)
			}
		})
	}
}
