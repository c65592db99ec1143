package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/gopm/gopm/activator/control"
)

// send gives the app a message and returns when it has been read.
func send(ctx context.Context, at control.Address, args []string, topic string, quiet bool, stdout io.Writer) error {
	request, err := sendRequest(args, topic)
	if err != nil {
		return err
	}
	err = control.Ask(ctx, at, request, func(line string) {
		if !quiet {
			fmt.Fprintln(stdout, line)
		}
	})
	if err != nil {
		return fmt.Errorf("send to %s: %w", at.App, err)
	}
	return nil
}

// sendRequest reads "[INSTANCE|all] MESSAGE". What is not JSON is a string.
func sendRequest(args []string, topic string) (control.Hello, error) {
	request := control.Hello{Verb: control.Send, All: true, Topic: topic}
	switch {
	case len(args) == 0:
		return request, fmt.Errorf("%w: give a message", errUsage)
	case len(args) > 2:
		return request, fmt.Errorf("%w: a message is one word: put it in quotes", errUsage)
	case len(args) == 2 && args[0] != "all":
		instance, _, err := instanceOf(args)
		if err != nil {
			return request, err
		}
		request.All, request.Instance = false, instance
	}
	text := args[len(args)-1]
	request.Data = json.RawMessage(text)
	if !json.Valid(request.Data) {
		request.Data, _ = json.Marshal(text) // a string always marshals
	}
	if size := len(control.Line(request)); size > control.MaxMessage {
		return request, fmt.Errorf("a message of %d bytes is too long: %d at most", size, control.MaxMessage)
	}
	return request, nil
}
