package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gopm/gopm/activator/control"
)

func sendVerb() verb {
	return verb{
		names: []string{"send", "trigger"},
		args:  "APP[@INSTANCE] [INSTANCE|all] MESSAGE",
		about: "give an app a message, for its process.on('message')",
		examples: "  gopm send my-api '{\"cmd\": \"reset\"}'         to every worker; what is no JSON is a string\n" +
			"  gopm send my-api@2 hello                      to one\n" +
			"  gopm send my-api --topic cache:clear '{\"key\": 1}'\n" +
			"                                                PM2's process:msg\n" +
			"  gopm trigger my-api clear                     an action of PM2's library\n",
		flags: func(flags *pflag.FlagSet) func(context.Context, world, []string) error {
			user := userFlag(flags)
			quiet := flags.BoolP("quiet", "q", false, "print nothing but an error")
			topic := flags.String("topic", "", "make it PM2's {id, type: 'process:msg', topic, data}")
			return func(ctx context.Context, w world, args []string) error {
				if len(args) == 0 {
					return fmt.Errorf("%w: give an app and a message", errUsage)
				}
				request, err := sendRequest(args[1:], *topic)
				if err != nil {
					return err
				}
				if text := args[len(args)-1]; isAlmostJSON(text) {
					warn(w.stderr, fmt.Errorf("%s is not JSON, and is sent as a string", text))
				}
				s := newSite(ctx, w, *user)
				c, err := s.chooseOne(ctx, args[0])
				if err != nil {
					return err
				}
				if c.instance >= 0 {
					request.All, request.Instance = false, c.instance
				}
				if !c.app.Supervised {
					return fmt.Errorf("send to %s: it has no activator, so its workers have no channel for messages", c.app.Name)
				}
				if !c.app.Awake() {
					return fmt.Errorf("send to %s: it is %s; gopm start %s starts it", c.app.Name, c.app.State, c.app.Name)
				}
				err = control.Ask(ctx, s.address(c.app), request, func(line string) {
					if !*quiet {
						fmt.Fprintln(w.stdout, line)
					}
				})
				if err != nil {
					return fmt.Errorf("send to %s: %w", c.app.Name, err)
				}
				return nil
			}
		},
	}
}

// isAlmostJSON tells that a text was meant to be an object or a list, and is none.
func isAlmostJSON(text string) bool {
	between := func(begin, end string) bool { return strings.HasPrefix(text, begin) && strings.HasSuffix(text, end) }
	return (between("{", "}") || between("[", "]")) && !json.Valid([]byte(text))
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
		instance, err := strconv.Atoi(args[0])
		if err != nil || instance < 0 {
			return request, fmt.Errorf("%w: %q is not an instance's number", errUsage, args[0])
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
