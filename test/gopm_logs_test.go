package test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/site"
)

// talker logs to both of its streams when it starts, and when it is told to.
const talker = `
console.log('started', process.env.NODE_APP_INSTANCE);
console.error('warned', process.env.NODE_APP_INSTANCE);
process.on('message', (what) => {
  if (what === 'crash') throw new Error('crashed as told');
  console.log('told', what);
});
setInterval(() => {}, 1e6);
`

// logged is a line of gopm logs --json.
type logged struct {
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
	Type      string `json:"type"`
	Process   *int   `json:"process_id"`
	App       string `json:"app_name"`
}

func (l logged) String() string {
	of := "-"
	if l.Process != nil {
		of = fmt.Sprint(*l.Process)
	}
	return fmt.Sprintf("%s %s|%s %s", l.Type, of, l.App, l.Message)
}

// follows starts gopm logs and returns what it prints, line by line, until the
// test ends.
func (s scenario) follows(args ...string) <-chan logged {
	s.t.Helper()
	return s.followsBy("gopm", append([]string{"logs", "--json"}, args...)...)
}

// followsBy is follows for a command that runs gopm logs --json.
func (s scenario) followsBy(name string, args ...string) <-chan logged {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	command := s.Command(ctx, name, args...)
	stdout, err := command.StdoutPipe()
	s.must(err)
	s.must(command.Start())
	lines := make(chan logged, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			var l logged
			if err := json.Unmarshal(in.Bytes(), &l); err != nil {
				s.t.Errorf("gopm logs --json prints %q: %v", in.Text(), err)
			}
			lines <- l
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
		_ = command.Wait() // killed
	})
	return lines
}

// awaitLine waits until a line begins so.
func (s scenario) awaitLine(lines <-chan logged, want string) {
	s.t.Helper()
	for l := range lines {
		if strings.HasPrefix(l.String(), want) {
			return
		}
	}
	s.t.Fatalf("gopm logs has ended without %q", want)
}

// holds checks which of some lines an output has.
func (s scenario) holdsLines(out string, want, never []string) {
	s.t.Helper()
	for _, line := range want {
		if !strings.Contains("\n"+out+"\n", "\n"+line+"\n") {
			s.t.Errorf("gopm logs lacks %q:\n%s", line, out)
		}
	}
	for _, text := range never {
		if strings.Contains(out, text) {
			s.t.Errorf("gopm logs has %q:\n%s", text, out)
		}
	}
}

func TestGopmLogs(t *testing.T) {
	s := boot(t, site.Options{})
	s.must(s.WriteFile("/srv/talk/app.js", talker))
	job := s.install(forkApp{name: "job", command: node + " /srv/talk/app.js", settings: []string{"Environment=GOPM_INSTANCES=2"}, service: []string{"SyslogIdentifier=job"}})
	job.running(2)
	s.must(s.Deploy(site.Chatty))
	s.must(s.Start(t.Context()))

	// What there is, of one app, of a worker, of one stream.
	s.eventually("the journal has it", func() bool {
		out := s.gopm("logs", "job", "--nostream", "--lines=100")
		return !slices.ContainsFunc([]string{"started 0", "started 1", "warned 0", "warned 1"}, func(line string) bool { return !strings.Contains(out, line) })
	})
	s.holdsLines(s.gopm("logs", "job", "--nostream", "--lines=100"),
		[]string{"0|job | started 0", "1|job | warned 1", "gopm|job | job@1.service is ready (pid " + fmt.Sprint(job.running(2)[job.unit(1)]) + ")"}, []string{"my-api"})
	s.holdsLines(s.gopm("logs", "job", "1", "--nostream", "--lines=100"), []string{"1|job | started 1"}, []string{"0|job", "job@0"})
	s.holdsLines(s.gopm("logs", "job", "--nostream", "--err", "--raw"), []string{"warned 0", "warned 1"}, []string{"started", "ready"})
	s.holdsLines(s.gopm("logs", "job@0", "--nostream", "--out"), []string{"0|job | started 0"}, []string{"warned", "gopm|"})
	s.holdsLines(s.gopm("logs", "--nostream", "--lines=1", "--grep=^started 0"), []string{"0|job    | started 0"}, []string{"warned"})

	// What comes: from the journal, from the files of another app, and after a
	// rotation; and of a worker that crashes, what Node prints and systemd says.
	lines := s.follows("--lines=0")
	s.eventually("it follows", func() bool {
		s.gopm("send", "job", "hello")
		return len(lines) > 0
	})
	s.awaitLine(lines, "out 1|job told hello")
	// Of one stream: journald reads those that have something in any order.
	s.holdsLines(s.gopm("logs", "job", "1", "--nostream", "--lines=1", "--grep=^(started|told) "), []string{"1|job | told hello"}, []string{"started"})
	s.get("http://" + site.Address + "/api/v1/hello")
	s.awaitLine(lines, "out -|my-api ")
	rotated := site.Root + "/logs/out.log"
	_, err := s.Run(t.Context(), "sh", "-c", "cp "+rotated+" "+rotated+".1 && truncate --size=0 "+rotated)
	s.must(err)
	for len(lines) > 0 {
		<-lines
	}
	s.eventually("it follows a file that was cut short", func() bool {
		s.get("http://" + site.Address + "/api/v1/hello")
		for len(lines) > 0 {
			if l := <-lines; l.App == "my-api" && l.Type == "out" {
				return true
			}
		}
		return false
	})
	s.gopm("send", "job", "1", "crash")
	s.awaitLine(lines, "err 1|job Error: crashed as told")
	s.awaitLine(lines, "systemd 1|job job@1.service: Main process exited")

	// Who may not read the journal is told so, once.
	accounts, err := s.ReadFile("/etc/passwd")
	s.must(err)
	s.must(s.WriteFile("/etc/passwd", accounts+"dev:x:"+uid+":"+uid+"::/tmp:/bin/sh\n"))
	_, err = s.Run(t.Context(), "setpriv", "--reuid="+uid, "--regid="+uid, "--clear-groups", "gopm", "logs", "job", "--nostream")
	const closed = "gopm: error: the journal is not open to you: join the group systemd-journal or adm (sudo usermod --append --groups systemd-journal $USER) and log in again, or use sudo"
	if err == nil || !strings.HasSuffix(err.Error(), closed) {
		t.Errorf("gopm logs of an ordinary user: %v\nwant %s", err, closed)
	}
}
