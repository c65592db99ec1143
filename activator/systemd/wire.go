package systemd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/godbus/dbus/v5"

	"github.com/gopm/gopm/activator/control"
)

// systemd sends each signal of each unit to all who are connected to its own
// socket, asked for or not (bus_foreach_bus in its src/core/dbus.c). To decode them
// would be most of what an activator computes and allocates, so they are left out
// before the library sees them; and it reads from nothing but a Unix socket
// cheaply.

// Of the D-Bus specification: a message begins with a header of fixed size, an
// array of fields of the size that this says, padding to a multiple of eight, and
// the body. mostMessage bounds array and body.
const (
	fixedHeader = 16
	mostMessage = 128 << 20
)

// withoutSignals is the other end of a connection to systemd, less all signals but
// those of jobs that are over and wanted, of which it is given the message. Both are
// closed when one is.
func withoutSignals(systemd *net.UnixConn, wanted func([]byte) bool) (*net.UnixConn, error) {
	near, far, err := control.Pair()
	if err != nil {
		systemd.Close()
		return nil, err
	}
	for _, hand := range []func() error{
		func() error { return forward(systemd, far) },
		func() error { return sift(far, systemd, wanted) },
	} {
		go func() {
			_ = hand() // returns when either side is closed
			far.Close()
			systemd.Close()
		}()
	}
	return near, nil
}

// forward hands on what the client says.
func forward(to io.Writer, from io.Reader) error {
	buffer := make([]byte, 4<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return err
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return err
		}
	}
}

// sift hands on what systemd says, less the signals that nobody waits for.
func sift(to io.Writer, from io.Reader, wanted func([]byte) bool) error {
	in := bufio.NewReaderSize(from, 4<<10)
	for {
		size, through, err := look(in, wanted)
		if err != nil {
			return err
		}
		if !through {
			if _, err := in.Discard(size); err != nil {
				return err
			}
			continue
		}
		for size > 0 {
			if _, err := in.Peek(1); err != nil {
				return err
			}
			part, _ := in.Peek(min(size, in.Buffered())) // there is as much
			if _, err := to.Write(part); err != nil {
				return err
			}
			size -= len(part)
			_, _ = in.Discard(len(part))
		}
	}
}

// look tells how long the next message is, or what there is of a line of the
// authentication before them, and whether it is let through.
func look(in *bufio.Reader, wanted func([]byte) bool) (size int, through bool, err error) {
	first, err := in.Peek(1)
	if err != nil {
		return 0, false, err
	}
	var order binary.ByteOrder
	switch first[0] {
	case 'l':
		order = binary.LittleEndian
	case 'B':
		order = binary.BigEndian
	default: // no answer of the authentication begins with one of these
		text, _ := in.Peek(in.Buffered()) // there is as much
		line, _, whole := bytes.Cut(text, []byte{'\n'})
		if whole {
			return len(line) + 1, true, nil
		}
		return len(line), true, nil
	}
	head, err := in.Peek(fixedHeader)
	if err != nil {
		return 0, false, err
	}
	kind, body, fields := dbus.Type(head[1]), order.Uint32(head[4:]), order.Uint32(head[12:])
	if fields > mostMessage || body > mostMessage {
		return 0, false, errors.New("message is too long")
	}
	size = fixedHeader + int(fields+7)&^7 + int(body)
	if kind != dbus.TypeSignal {
		return size, true, nil
	}
	head, err = in.Peek(fixedHeader + int(fields))
	if errors.Is(err, bufio.ErrBufferFull) {
		return size, true, nil // too many fields to look at
	}
	if err != nil || !bytes.Contains(head, jobOver) {
		return size, false, err
	}
	whole, err := in.Peek(size)
	if errors.Is(err, bufio.ErrBufferFull) {
		return size, true, nil
	}
	return size, err == nil && wanted(whole), err
}

// jobOver is the member of the signal that tells of the end of a job, as it stands
// among the fields.
var jobOver = []byte("JobRemoved\x00")
