package runner

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/activator/rollout"
	"github.com/gopm/gopm/activator/systemd"
	"github.com/gopm/gopm/units"
)

// client steers a stand.
func (s *stand) client() Client {
	s.t.Helper()
	at := s.runtime.Own()
	await(s.t, "its control socket", func() bool {
		conn, err := net.Dial("unix", at.Path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return Client{at}
}

// units are those of a run, such as "x@0.service active/running".
func (s *stand) units() []string {
	s.t.Helper()
	list, err := s.client().Units(s.t.Context(), "*")
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, u := range list {
		text := fmt.Sprintf("%s %s/%s", u.Name, u.Active, u.Sub)
		if u.Job != "" {
			text += " " + u.Job
		}
		out = append(out, text)
	}
	return out
}

// is waits until the units are these.
func (s *stand) is(want ...string) {
	s.t.Helper()
	await(s.t, strings.Join(want, ", "), func() bool { return slices.Equal(s.units(), want) })
}

// does has the run do a job, and checks its result.
func (s *stand) does(verb rollout.Verb, unit, want string) {
	s.t.Helper()
	got := ""
	if err := s.client().Do(s.t.Context(), verb, unit); err != nil {
		got = err.Error()
	}
	if got != want {
		s.t.Errorf("%s %s ends with %q, want %q", verb, unit, got, want)
	}
}

func TestSteer(t *testing.T) {
	s := start(t, script("echo up; exec sleep 1000", "Restart=always\nRestartSec=10ms"))
	c := s.client()
	running := []string{"x.target active/active", "x@0.service active/running"}
	stopped := "x@0.service inactive/dead"
	s.is(running...)

	// The run stays, so that what somebody has stopped can be started.
	s.does(rollout.Stop, "x@0.service", "")
	s.is("x.target active/active", stopped)
	s.does(rollout.Start, "x.target", "")
	s.is(running...)
	s.does(rollout.Stop, "x.target", "")
	s.is("x.target inactive/dead", stopped)
	s.does(rollout.Start, "x@0.service", "start x@0.service: its app is stopped; start x.target")
	s.reload <- struct{}{} // of what was stopped
	s.does(systemd.Reload, "x-reload.service", "")
	s.is("x.target inactive/dead", stopped)
	s.does(rollout.Restart, "x.target", "")
	s.is(running...)
	s.does(rollout.Restart, "x@0.service", "")
	s.does(rollout.Start, "x@0.service", "")
	s.is(running...)

	pid := func() int {
		pids, _, err := c.Numbers(t.Context(), []string{"x@0.service"})
		if err != nil {
			t.Fatal(err)
		}
		return pids["x@0.service"]
	}
	before := pid()
	s.does(systemd.Reload, "x-reload.service", "")
	if after := pid(); after == before || after == 0 {
		t.Errorf("after a reload the process is %d, and was %d", after, before)
	}
	for n := 1; n <= 2; n++ {
		before := pid()
		if err := c.Kill(t.Context(), "x@0.service", unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "another process", func() bool { now := pid(); return now != 0 && now != before })
		_, restarts, err := c.Numbers(t.Context(), []string{"x@0.service"})
		if err != nil || restarts["x@0.service"] != n {
			t.Errorf("it was started again %v times, %v; want %d", restarts, err, n)
		}
	}
	services, err := c.Services(t.Context(), []string{"x@0.service"})
	if got := services["x@0.service"]; err != nil || got.User != ownName() || got.Restart != "always" || got.Exec[0] != "/bin/sh" {
		t.Errorf("it runs %+v, %v", got, err)
	}

	for _, test := range []struct {
		verb       rollout.Verb
		unit, want string
	}{
		{rollout.Start, "y.target", "start y.target: there is no unit y.target"},
		{rollout.Start, "x@one.service", "start x@one.service: there is no unit x@one.service"},
		{systemd.Reload, "x@0.service", "reload x@0.service: a reload is of a whole app"},
		{"freeze", "x.target", `client asks for "freeze", which is unknown; is it of another version?`},
	} {
		s.does(test.verb, test.unit, test.want)
	}
	if err := c.Scale(t.Context(), "gopm-activator@x.service", "2"); err == nil || err.Error() != "there is no unit gopm-activator@x.service" {
		t.Errorf("scale without an activator ends with %v", err)
	}

	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	if err := c.Do(t.Context(), rollout.Start, "x.target"); err == nil || !strings.HasPrefix(err.Error(), "reach the gopm run: ") {
		t.Errorf("after its end a start ends with %v", err)
	}
}

// A start is over where somebody stops it, or the run.
func TestStopDuringStart(t *testing.T) {
	s := start(t, script("echo up; exec sleep 1000", "ExecStartPost=/bin/sleep 1000"))
	s.until("out x/0 up", 1)
	s.is("x.target inactive/dead start", "x@0.service activating/start-post")
	s.does(rollout.Stop, "x@0.service", "")
	s.is("x.target active/active", "x@0.service inactive/dead")
	started := make(chan error, 1)
	go func() { started <- s.client().Do(t.Context(), rollout.Start, "x@0.service") }()
	s.is("x.target active/active", "x@0.service activating/start-post")
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
	if err := <-started; err == nil {
		t.Error("the start succeeds though the run ended")
	}
}

// supervised is the unit x@.service of a script, with an activator.
func supervised(text, settings string) []units.File {
	files := script(text, "Restart=always\nRestartSec=10ms")
	files[0].Text = "[Unit]\nWants=gopm-activator@x.service\n"
	return append(files, units.File{
		Path: "usr/lib/systemd/system/gopm-activator@x.service.d/10-gopm.conf",
		Text: "[Service]\nEnvironment=GOPM_MODE=fork " + settings + "\n",
	})
}

// An activator that is restarted, or stopped and started, leaves nothing behind.
func TestSteerActivator(t *testing.T) {
	s := start(t, supervised("exec sleep 1000", "GOPM_INSTANCES=2"))
	c := s.client()
	running := func(n int) []string {
		list := []string{"x.target active/active", "gopm-activator@x.service active/running"}
		for i := range n {
			list = append(list, fmt.Sprintf("x@%d.service active/running", i))
		}
		return list
	}
	s.is(running(2)...)
	descriptors := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(open)
	}
	pids := func() string {
		all, _, err := c.Numbers(t.Context(), []string{"x@0.service", "x@1.service"})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all)
	}
	before, old := descriptors(), pids()
	for range 2 {
		s.does(rollout.Restart, "gopm-activator@x.service", "")
	}
	s.is(running(2)...)
	if now := pids(); now != old {
		t.Errorf("with another activator the instances are %s, and were %s", now, old)
	}
	for _, count := range []string{"4", "1", "max", ""} {
		if err := c.Scale(t.Context(), "gopm-activator@x.service", count); err != nil {
			t.Fatal(err)
		}
		s.does(rollout.Restart, "gopm-activator@x.service", "")
		n := map[string]int{"4": 4, "1": 1, "max": runtime.NumCPU(), "": 2}[count]
		s.is(running(n)...)
	}
	if err := c.Scale(t.Context(), "gopm-activator@x.service", "0"); err == nil || err.Error() != `"0" is not a number of workers` {
		t.Errorf("scale to 0 ends with %v", err)
	}
	for range 2 {
		s.does(rollout.Restart, "x.target", "")
		s.does(rollout.Stop, "x.target", "")
		s.is("x.target inactive/dead", "gopm-activator@x.service inactive/dead")
		s.does(rollout.Restart, "gopm-activator@x.service", "restart gopm-activator@x.service: it is not running")
		s.does(rollout.Start, "x.target", "")
	}
	s.is(running(2)...)
	await(t, fmt.Sprintf("%d descriptors again", before), func() bool { return descriptors() <= before })
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// An app whose port was taken while it was stopped can be started when that is free
// again.
func TestStartWithoutPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	taken.Close()
	files := append(supervised("exec sleep 1000", "GOPM_INSTANCES=1"), units.File{
		Path: "usr/lib/systemd/system/x.socket", Text: "[Socket]\nListenStream=" + address + "\nReusePort=yes\n",
	})
	s := start(t, files)
	running := []string{"x.target active/active", "gopm-activator@x.service active/running", "x@0.service active/running"}
	stopped := []string{"x.target inactive/dead", "gopm-activator@x.service inactive/dead"}
	s.is(running...)
	s.does(rollout.Stop, "x.target", "")
	if taken, err = net.Listen("tcp", address); err != nil {
		t.Fatalf("the port of a stopped app is not free: %v", err)
	}
	s.does(rollout.Start, "x.target", "start x.target: open x.socket: listen tcp "+address+": bind: address already in use; something else listens on "+address+": another gopm run?")
	s.is(stopped...)
	taken.Close()
	s.does(rollout.Start, "x.target", "")
	s.is(running...)
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// Many who want different things at the same time leave a run that does what the last
// one wants.
func TestSteerAtOnce(t *testing.T) {
	s := start(t, supervised("exec sleep 1000", "GOPM_INSTANCES=2"))
	c := s.client()
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for range 12 {
				unit := []string{"x.target", "x@0.service", "x@1.service", "gopm-activator@x.service"}[random.IntN(4)]
				verb := []rollout.Verb{rollout.Start, rollout.Stop, rollout.Restart}[random.IntN(3)]
				_ = c.Do(t.Context(), verb, unit) // another may be in its way
			}
		})
	}
	all.Wait()
	s.does(rollout.Restart, "x.target", "")
	s.is("x.target active/active", "gopm-activator@x.service active/running", "x@0.service active/running", "x@1.service active/running")
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

// Whatever is said to it, a run goes on, and hears who comes next.
func TestGarbage(t *testing.T) {
	s := start(t, script("echo up; exec sleep 1000", ""))
	at := s.client().At
	for text, want := range map[string]string{
		"\x00\xff\n":                           "client's line is not a request",
		strings.Repeat("x", 1<<20):             "client sent no whole line",
		"{}\n":                                 `client asks for \"\", which is unknown`,
		`{"gopm":"kill","signal":999}` + "\n":  "it has no main process",
		`{"gopm":"scale","count":"9"}` + "\n":  "there is no unit",
		`{"gopm":"logs","unit":"y"}` + "\n":    "there is no unit y",
		`{"gopm":"logs","kept":3}` + "\n":      "client's line is not a request",
		`{"gopm":"exec","instance":-1}` + "\n": "which is unknown",
	} {
		conn, err := net.Dial("unix", at.Path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(text)) // it may be cut short
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4096)
		n, _ := conn.Read(answer)
		if got := string(answer[:n]); !strings.Contains(got, want) {
			t.Errorf("to %.20q it answers %q, want %q", text, got, want)
		}
		conn.Close()
	}
	// Who says nothing, and who does not read, keeps nobody waiting.
	for range 20 {
		conn, err := net.Dial("unix", at.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write(control.Line(control.Hello{Verb: control.Units})[:5])
	}
	s.is("x.target active/active", "x@0.service active/running")
	s.stop()
	if got := s.ended(); got != "" {
		t.Errorf("it ends with %q", got)
	}
}

func TestMayAsk(t *testing.T) {
	for uid, want := range map[uint32]string{
		uint32(os.Getuid()):     "",
		0:                       "",
		uint32(os.Getuid()) + 7: fmt.Sprintf("denied: this gopm run is uid %d's, not uid %d's", os.Getuid(), os.Getuid()+7),
	} {
		got := ""
		if err := mayAsk(&unix.Ucred{Uid: uid}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("uid %d is told %q, want %q", uid, got, want)
		}
	}
	s := start(t, script("exec sleep 1000", ""))
	info, err := os.Stat(s.client().At.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its control socket is %v, %v", info.Mode(), err)
	}
}
