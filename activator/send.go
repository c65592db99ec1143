package activator

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/nodeipc"
)

const (
	// readPatience is how long a worker may take to read a message: its event
	// loop may be busy.
	readPatience = 5 * time.Second
	// readTick is how often it is looked whether it has. There is no event for it.
	readTick = 5 * time.Millisecond
)

// topical is PM2's sendDataToProcessId.
type topical struct {
	ID    int             `json:"id"`
	Type  string          `json:"type"`
	Topic string          `json:"topic"`
	Data  json.RawMessage `json:"data"`
}

// post is a message on its way to one worker.
type post struct {
	unit    string
	channel *nodeipc.Channel
	err     error // why it has not arrived
}

// send gives the apps of workers a message, and answers c when they have read
// it.
func (a *Activator) send(hello control.Hello, c *client) {
	to, err := a.receivers(hello)
	if err != nil {
		c.finish(err)
		return
	}
	posts := make([]*post, len(to))
	for i, w := range to {
		posts[i] = &post{unit: w.unit, channel: w.channel, err: errNoChannel}
		if w.channel != nil {
			posts[i].err = w.channel.Send(messageTo(w, hello))
		}
	}
	deadline := time.Now().Add(readPatience)
	go func() {
		for _, p := range posts {
			p.await(deadline)
		}
		answerPosts(posts, c)
	}()
}

// receivers are the workers that a message is for.
func (a *Activator) receivers(hello control.Hello) ([]*worker, error) {
	switch {
	case !json.Valid(hello.Data):
		return nil, errors.New("there is no message")
	case hello.Topic == "" && nodeipc.IsInternal(hello.Data):
		return nil, errors.New(`a message with a cmd that begins with NODE_ would be Node's own, not the app's`)
	case !hello.All && a.workers[hello.Instance] == nil:
		return nil, fmt.Errorf("%s is not running", a.settings.unit(hello.Instance))
	case !hello.All:
		return []*worker{a.workers[hello.Instance]}, nil
	case len(a.workers) == 0:
		return nil, fmt.Errorf("no instance of %s is running", a.settings.App)
	}
	var to []*worker
	for _, instance := range slices.Sorted(maps.Keys(a.workers)) {
		to = append(to, a.workers[instance])
	}
	return to, nil
}

func messageTo(w *worker, hello control.Hello) any {
	if hello.Topic == "" {
		return hello.Data
	}
	return topical{w.instance, "process:msg", hello.Topic, hello.Data}
}

// await waits until the worker has read all that was sent to it.
func (p *post) await(deadline time.Time) {
	if p.err != nil {
		return
	}
	for {
		unread, err := p.channel.Unread()
		switch {
		case err != nil:
			p.err = errors.New("it has ended meanwhile, or closed its channel; whether it has read it is not known")
			return
		case !unread:
			return
		case time.Now().After(deadline):
			p.err = fmt.Errorf("it has not read it within %s", readPatience)
			return
		}
		time.Sleep(readTick)
	}
}

func answerPosts(posts []*post, c *client) {
	var failed []string
	for _, p := range posts {
		if p.err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", p.unit, p.err))
			continue
		}
		c.progress("%s has it", p.unit)
	}
	if len(failed) > 0 {
		c.finish(errors.New(strings.Join(failed, "; ")))
		return
	}
	c.finish(nil)
}
