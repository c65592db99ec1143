package control

import (
	"context"
	"errors"
	"io"
	"time"
)

// Said is a line that was said in a gopm run.
type Said struct {
	At  time.Time `json:"at"`
	App string    `json:"app"` // the name of its units
	// Instance is the worker; -1 where it is of none.
	Instance int `json:"instance"`
	// Kind is out or err, where the app has said it, or process, where the run has.
	Kind string `json:"kind"`
	Text []byte `json:"text"` // without the newline; it need not be UTF-8
	// Missed is how many lines of the app between this one and the one before it are
	// no longer kept: who reads was too slow.
	Missed uint64 `json:"missed,omitempty"`
}

// Lines are those that a gopm run answers with.
type Lines struct{ answers *answers }

// AskLines asks a gopm run for the lines of the app with a target, or of all where
// that is empty: for those it keeps from before and, with follow, those that come. The
// caller closes what it returns.
func AskLines(ctx context.Context, at Address, target string, kept, follow bool) (*Lines, error) {
	a, err := request(ctx, at, Hello{Verb: Logs, Unit: target, Kept: kept, Follow: follow})
	if err != nil {
		return nil, err
	}
	return &Lines{a}, nil
}

// Next is the next line, and nil once, between those from before and those that come.
// The error is io.EOF where there are no more, as the run ends or nobody follows it.
func (l *Lines) Next() (*Said, error) {
	for {
		answer, err := l.answers.next()
		if errors.Is(err, ErrGone) {
			return nil, io.EOF
		}
		if err != nil || answer.Said != nil || answer.Now {
			return answer.Said, err
		}
	}
}

// Close ends the asking.
func (l *Lines) Close() { l.answers.close() }
