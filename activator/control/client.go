package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// ErrGone tells that the activator ended before it answered.
var ErrGone = errors.New("the activator went away")

// ErrCanceled tells that something else was asked for meanwhile.
var ErrCanceled = errors.New("canceled")

// retryPause is between two attempts to reach an activator that restarts.
const retryPause = 100 * time.Millisecond

// Ask sends hello to an activator and waits for its last answer.
// progress is called for each line before it. ErrGone where the activator ends
// first; the error of the answer where it has one.
func Ask(ctx context.Context, at Address, hello Hello, progress func(string)) error {
	return ask(ctx, at, hello, func(answer Answer) { progress(answer.Progress) })
}

// ask is Ask with all of each answer.
func ask(ctx context.Context, at Address, hello Hello, part func(Answer)) error {
	conn, err := dial(ctx, at)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(Line(hello)); err != nil {
		return ErrGone
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, MaxPart)
	for lines.Scan() {
		var answer Answer
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			return fmt.Errorf("read answer of activator: %w", err)
		}
		switch {
		case answer.Canceled:
			return fmt.Errorf("%w: %s", ErrCanceled, answer.Error)
		case answer.Error != "":
			return errors.New(answer.Error)
		case answer.Done:
			return nil
		}
		part(answer)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("read answer of activator: a line of over %d bytes", MaxPart)
	}
	return ErrGone
}

// Insist is Ask again and again for as long as the activator goes away before
// it answers: systemd starts the next one at the first connection.
func Insist(ctx context.Context, at Address, hello Hello) error {
	for {
		err := Ask(ctx, at, hello, func(string) {})
		if !errors.Is(err, ErrGone) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// Attach makes a connection the channel of an instance and returns it; the
// caller closes it or hands it on. It insists like Insist.
func Attach(ctx context.Context, at Address, hello Hello) (*os.File, error) {
	for {
		file, err := attach(ctx, at, hello)
		if !errors.Is(err, ErrGone) {
			return file, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func attach(ctx context.Context, at Address, hello Hello) (*os.File, error) {
	conn, err := dial(ctx, at)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(Line(hello)); err != nil {
		return nil, ErrGone
	}
	answer, err := readAnswer(conn)
	if err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return conn.File()
}

// readAnswer takes no byte beyond the line: what follows is Node's.
func readAnswer(conn net.Conn) (Answer, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		if _, err := conn.Read(one); err != nil {
			return Answer{}, ErrGone
		}
		if one[0] == '\n' {
			break
		}
		if line = append(line, one[0]); len(line) > MaxLine {
			return Answer{}, errors.New("read answer of activator: line too long")
		}
	}
	var answer Answer
	if err := json.Unmarshal(line, &answer); err != nil {
		return Answer{}, fmt.Errorf("read answer of activator: %w", err)
	}
	return answer, nil
}

func dial(ctx context.Context, at Address) (*net.UnixConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", at.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reach the activator of %s: %w; start %s.target or, if it runs and somebody has removed the socket, restart gopm-activator@%s.socket", at.App, err, at.App, at.App)
	}
	if err != nil {
		return nil, fmt.Errorf("reach the activator of %s: %w", at.App, err)
	}
	return conn.(*net.UnixConn), nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryPause):
		return nil
	}
}
