package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/cmd/gopm/fleet"
)

// outside is a world without a terminal.
func outside() (world, *bytes.Buffer) {
	var stdout bytes.Buffer
	return world{stdout: &stdout, stderr: &stdout, getenv: func(string) string { return "" }}, &stdout
}

func TestCommandLine(t *testing.T) {
	tests := map[string]struct {
		args   []string
		stdout string // the beginning of it
		err    string
		usage  bool
	}{
		"help":               {args: []string{"--help"}, stdout: "gopm: run Node apps"},
		"help of a verb":     {args: []string{"help", "reload"}, stdout: "gopm reload: replace every worker"},
		"another name's":     {args: []string{"show", "--help"}, stdout: "gopm describe: all that is known"},
		"version":            {args: []string{"-v"}, stdout: "gopm devel\n"},
		"nothing":            {err: "usage: give a verb", usage: true},
		"unknown verb":       {args: []string{"frobnicate"}, err: `usage: there is no verb "frobnicate"`, usage: true},
		"misspelt verb":      {args: []string{"relaod", "my-api"}, err: `usage: there is no verb "relaod"; did you mean reload?`, usage: true},
		"unknown flag":       {args: []string{"reload", "my-api", "--fast"}, err: "usage: gopm reload: unknown flag: --fast", usage: true},
		"nothing to prove":   {args: []string{"save"}, stdout: "gopm save: nothing is to be saved: "},
		"another way":        {args: []string{"kill"}, err: "gopm has no kill: there is no daemon to kill; gopm stop all stops the apps"},
		"send nothing":       {args: []string{"send", "my-api"}, err: "usage: give a message", usage: true},
		"send words":         {args: []string{"send", "my-api", "0", "hello", "there"}, err: "usage: a message is one word: put it in quotes", usage: true},
		"send to nobody":     {args: []string{"send", "my-api", "al", "hello"}, err: `usage: "al" is not an instance's number`, usage: true},
		"send to less":       {args: []string{"send", "my-api", "-1", "hello"}, err: `usage: "-1" is not an instance's number`, usage: true},
		"a number and flags": {args: []string{"send", "my-api", "-1", "--quiet", "hello", "--user"}, err: `usage: "-1" is not an instance's number`, usage: true},
		"a flag's number":    {args: []string{"logs", "my-api", "--lines", "-5"}, err: "usage: --lines=-5 is not a number of lines", usage: true},
		"send too much":      {args: []string{"send", "my-api", strings.Repeat("x", 40000)}, err: "a message of 40050 bytes is too long: 32768 at most"},
		"scale to none":      {args: []string{"scale", "my-api", "0"}, err: "usage: an app has one worker at least; gopm stop stops it", usage: true},
		"scale to a word":    {args: []string{"scale", "my-api", "1.5"}, err: `usage: "1.5" is not a number of workers: 8, +2, -1, max or file`, usage: true},
		"scale to too many":  {args: []string{"scale", "my-api", "1001"}, err: "usage: an app has 1000 workers at most, not 1001", usage: true},
		"scale by too many":  {args: []string{"scale", "my-api", "+99999999999999999999"}, err: "usage: an app has 1000 workers at most, not +99999999999999999999", usage: true},
		"no signal":          {args: []string{"signal", "HUPP", "my-api"}, err: `usage: "HUPP" is no signal; kill -l lists them`, usage: true},
		"a signal to nobody": {args: []string{"signal", "HUP"}, err: "usage: give a signal and an app", usage: true},
		"a file":             {args: []string{"start", "app.config.js"}, err: "app.config.js is a file: gopm run app.config.js runs its apps here and now, gopm-gen app.config.js makes units of them"},
		"two apps":           {args: []string{"env", "a", "b"}, err: "usage: give one app", usage: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, stdout := outside()
			err := run(t.Context(), test.args, w)
			switch {
			case test.err == "" && (err != nil || !strings.HasPrefix(stdout.String(), test.stdout)):
				t.Errorf("says %q and %v, want %q", stdout.String(), err, test.stdout)
			case test.err != "" && (err == nil || err.Error() != test.err || errors.Is(err, errUsage) != test.usage):
				t.Errorf("fails with %v, want %s", err, test.err)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	canceled, other := fmt.Errorf("reload my-api: %w", context.Canceled), errors.New("reload my-api: aborted")
	for _, test := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{ended, canceled, "interrupted; what was asked for by then goes on, and gopm ls shows it"},
		{ended, other, "reload my-api: aborted"},
		{ended, nil, "<nil>"},
		{t.Context(), canceled, "reload my-api: context canceled"},
	} {
		if got := fmt.Sprint(interrupted(test.ctx, test.err)); got != test.want {
			t.Errorf("%v becomes %s, want %s", test.err, got, test.want)
		}
	}
}

// Each of PM2's words is answered by one of the two, and by one line.
func TestPM2Words(t *testing.T) {
	for _, v := range verbs() {
		for _, name := range v.names {
			if _, ok := pm2Words[name]; ok {
				t.Errorf("%s is a verb and a word that is none", name)
			}
		}
	}
	for word := range pm2Words {
		w, stdout := outside()
		err := run(t.Context(), []string{word, "whatever", "--follows"}, w)
		said := stdout.String()
		if err != nil {
			said += err.Error() + "\n"
		}
		if strings.Count(said, "\n") != 1 || !strings.Contains(said, word) || errors.Is(err, errUsage) {
			t.Errorf("gopm %s says %q", word, said)
		}
	}
}

// fleetOf is apps of these names, each with the workers 0 and 1.
func fleetOf(names ...string) fleet.Fleet {
	var f fleet.Fleet
	for _, name := range names {
		a := fleet.App{Name: name, Title: name + "!", State: fleet.Online, Mode: "cluster", Supervised: true, Instances: 2, Ready: 2}
		for i := range 2 {
			a.Workers = append(a.Workers, fleet.Worker{Worker: control.Worker{Instance: i, State: control.Ready, PID: 100 + i}})
		}
		f.Apps = append(f.Apps, a)
	}
	return f
}

func TestChoices(t *testing.T) {
	two, twice := fleetOf("my-api", "other"), fleetOf("my-api", "other", "my-api")
	twice.Apps[2].Run = "/run/gopm/run-7"
	hidden, denied := fleetOf("my-api"), fleetOf("my-api")
	hidden.Limited = errors.New("the gopm run of /run/gopm/run-7: it has not answered within 1s")
	denied.Limited = fmt.Errorf("%w: the status is for others", control.ErrDenied)
	tests := []struct {
		in    fleet.Fleet
		words string
		want  string
		err   string
	}{
		{two, "my-api", "my-api", ""},
		{two, "my-api! other@1", "my-api other@1", ""},
		{two, "all", "my-api other", ""},
		{two, "my-api.target other@0.service", "my-api other@0", ""},
		{two, "my-app", "", `there is no app "my-app"; did you mean my-api?`},
		{two, "shop", "", `there is no app "shop"; there are my-api, other`},
		{two, "my-api@x", "", `usage: "x" is not an instance's number`},
		{two, "my-api@", "", `usage: "" is not an instance's number`},
		{two, "my-api@-1", "", `usage: "-1" is not an instance's number`},
		{two, "my-api all my-api! my-api@1 my-api@1", "my-api other my-api@1", ""},
		{twice, "all", "my-api other my-api", ""},
		{twice, "other run-7/my-api@0 systemd/my-api", "other my-api@0 my-api", ""},
		{twice, "my-api", "", "there are 2 apps my-api: name one as systemd/my-api or run-7/my-api"},
		{twice, "systemd/my-api my-api@1", "", "there are 2 apps my-api: name one as systemd/my-api@1 or run-7/my-api@1"},
		{twice, "run-8/my-api", "", `there is no app "run-8/my-api"; did you mean run-7/my-api?`},
		{two, "", "", "usage: give an app, or all"},
		{two, "app.config.js", "", "app.config.js is a file: gopm run app.config.js runs its apps here and now, gopm-gen app.config.js makes units of them"},
		{hidden, "shop", "", `there is no app "shop"; there are my-api; the gopm run of /run/gopm/run-7: it has not answered within 1s`},
		{denied, "shop", "", `there is no app "shop"; there are my-api`},
		{fleet.Fleet{}, "x", "", `there is no app "x", nor any other: gopm-gen makes units of an ecosystem file`},
		{fleetOf(strings.Fields("aa1 aa2 aa3 aa4 aa5 aa6 aa7 aa8 aa9 ab1 ab2 ab3 ab4 ab5")...), "shop", "", `there is no app "shop"; there are aa1, aa2, aa3, aa4, aa5, aa6, aa7, aa8, aa9, ab1, ab2, ab3 and 2 more`},
	}
	for _, test := range tests {
		chosen, err := clearChoices(test.in, strings.Fields(test.words))
		var got []string
		for _, c := range chosen {
			got = append(got, c.name())
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		if strings.Join(got, " ") != test.want || said != test.err {
			t.Errorf("%q chooses %q, %q; want %q, %q", test.words, got, said, test.want, test.err)
		}
	}
}

func TestSendRequest(t *testing.T) {
	tests := []struct {
		args  []string
		topic string
		want  string
	}{
		{[]string{"hello"}, "", `{"gopm":"send","instance":0,"all":true,"data":"hello"}`},
		{[]string{"all", "hello there"}, "", `{"gopm":"send","instance":0,"all":true,"data":"hello there"}`},
		{[]string{"3", `{"a": 1}`}, "", `{"gopm":"send","instance":3,"data":{"a":1}}`},
		{[]string{"7"}, "", `{"gopm":"send","instance":0,"all":true,"data":7}`},
		{[]string{"0", "{a: 1}"}, "cache:clear", `{"gopm":"send","instance":0,"topic":"cache:clear","data":"{a: 1}"}`},
		{[]string{"\"quoted\""}, "", `{"gopm":"send","instance":0,"all":true,"data":"quoted"}`},
	}
	for _, test := range tests {
		request, err := sendRequest(test.args, test.topic)
		if got := strings.TrimSpace(string(control.Line(request))); err != nil || got != test.want {
			t.Errorf("%q becomes %s, %v; want %s", test.args, got, err, test.want)
		}
	}
}

func TestIsAlmostJSON(t *testing.T) {
	for text, want := range map[string]bool{
		`{cmd: "reset"}`: true, `["a",]`: true, "{}": false, `{"cmd":"reset"}`: false, "[1]": false, "hello": false, "[info] up": false, "": false, "7": false,
	} {
		if got := isAlmostJSON(text); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

func TestMasked(t *testing.T) {
	env := []string{"DB_PASSWORD=hunter2", "PORT=3000", "URL=postgres://u:p@h/db", "EMPTY_TOKEN="}
	if got, want := strings.Join(masked(env, false), " "), "DB_PASSWORD=(hidden) PORT=3000 URL=(hidden) EMPTY_TOKEN="; got != want {
		t.Errorf("shown is %s, want %s", got, want)
	}
	if got, want := strings.Join(masked(env, true), " "), strings.Join(env, " "); got != want {
		t.Errorf("with secrets shown is %s, want %s", got, want)
	}
}
