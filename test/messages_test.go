package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/activator/control"
	"github.com/gopm/gopm/test/site"
)

// lookAt asks for the status as a script does.
func (s scenario) lookAt(app string) control.Status {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), "gopm", "describe", "--json", app)
	s.must(err)
	var status control.Status
	s.must(json.Unmarshal([]byte(out), &status))
	for i := range status.Workers {
		status.Workers[i].Measures = nil // see measured
	}
	return status
}

// measured is the status with what the workers measure of themselves.
func (s scenario) measured(app string) control.Status {
	s.t.Helper()
	at := control.Address{App: app, Path: s.HostFile("/run/gopm/" + app + ".sock")}
	var status control.Status
	control.Survey{Measures: time.Second, Patience: 5 * time.Second}.Ask(s.t.Context(), []control.Address{at}, func(_ int, answer control.Status, err error) {
		s.must(err)
		status = answer
	})
	return status
}

// talk is what a worker of the Talkative release answers.
type talk struct {
	PID  int
	Told []json.RawMessage
	Env  map[string]string
}

// talks asks until each worker has answered, and returns what they said by
// instance.
func (s scenario) talks(n int) map[string]talk {
	s.t.Helper()
	talks := map[string]talk{}
	s.eventually("each worker has answered", func() bool {
		var one talk
		s.must(json.Unmarshal([]byte(s.get("http://"+site.Address+"/")), &one))
		talks[one.Env["instance"]] = one
		return len(talks) == n
	})
	return talks
}

// fails checks that gopm fails, and why.
func (s scenario) fails(want string, args ...string) {
	s.t.Helper()
	_, err := s.Run(s.t.Context(), "gopm", args...)
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		s.t.Errorf("gopm %q: %v\nwant %s", args, err, want)
	}
}

func TestMessages(t *testing.T) {
	s := boot(t, four)
	s.must(s.Deploy(site.Talkative))
	s.must(s.Start(t.Context()))
	pids := s.exactly(workers)

	for instance, said := range s.talks(workers) {
		want := map[string]string{"instance": instance, "pm_id": instance, "name": "my‑api"}
		if !maps.Equal(said.Env, want) {
			t.Errorf("a worker's environment has %v, want %v", said.Env, want)
		}
	}
	s.measures() // before anybody else asks
	s.looksWell(pids)
	s.sends()
	s.reports()
	s.refusesToSend()
	s.looksBusy()
}

// looksWell checks the status of the app at rest.
func (s scenario) looksWell(pids map[string]int) {
	s.t.Helper()
	status := s.lookAt("my-api")
	for i, w := range status.Workers {
		want := control.Worker{Instance: i, Unit: site.Instance(i), PID: pids[site.Instance(i)], State: control.Ready,
			Metrics: map[string]control.Metric{
				"Heap Size": {Value: []byte(`"44.1"`), Unit: "MiB", Type: "internal/v8/heap/total", Historic: true, AggType: "avg"},
				"Users":     {Value: []byte(`7`)},
			},
			Actions:       []string{"km:heapdump"},
			Configuration: map[string]json.RawMessage{"module_version": []byte(`"1.0"`)},
			Messages:      map[string]json.RawMessage{"process:exception": []byte(`{"message":"second"}`)},
		}
		if got, want := text(s.t, w), text(s.t, want); got != want {
			s.t.Errorf("the status has %s\nwant %s", got, want)
		}
	}
	for i := range status.Listeners {
		status.Listeners[i].Queued = nil
	}
	status.Workers = status.Workers[workers:]
	want := control.Status{App: "my-api", Mode: "cluster", Instances: workers, Ready: workers, Workers: []control.Worker{},
		Listeners: []control.Listener{{Address: "[::]:3000", Protocol: "tcp", Declared: true}}}
	if got, want := text(s.t, status), text(s.t, want); got != want {
		s.t.Errorf("the status is %s\nwant %s", got, want)
	}
	out, err := s.Run(s.t.Context(), "gopm", "describe", "my-api")
	s.must(err)
	for _, line := range []string{
		"state        online, 4 of 4 ready\n",
		fmt.Sprintf("\n 2  %*d  ", len("pid"), pids[site.Instance(2)]),
		"Heap Size  44.1 44.1 44.1 44.1 MiB",
	} {
		if !strings.Contains(out, line) {
			s.t.Errorf("the status lacks %q:\n%s", line, out)
		}
	}
}

// measures checks what the workers measure of themselves, while one of them does
// not answer.
func (s scenario) measures() {
	s.t.Helper()
	stopped := site.Instance(1)
	s.must(s.Kill(s.t.Context(), stopped, "STOP"))
	asked := 0
	for _, w := range s.measured("my-api").Workers {
		switch m := w.Measures; {
		case w.Unit == stopped && m != nil:
			s.t.Errorf("%s is stopped, and says %s", w.Unit, text(s.t, m))
		case w.Unit == stopped:
		case m == nil || m.HeapUsed == 0 || m.Connections == nil || m.ActiveRequests == nil || m.EventLoopDelay != nil:
			s.t.Errorf("%s says %s of itself, the first time", w.Unit, text(s.t, m))
		default:
			asked += int(m.Requests)
		}
	}
	s.must(s.Kill(s.t.Context(), stopped, "CONT"))
	if asked < workers-1 {
		s.t.Errorf("each worker has answered, and %d requests are counted", asked)
	}
	s.eventually("each worker knows how late its event loop is", func() bool {
		return !slices.ContainsFunc(s.measured("my-api").Workers, func(w control.Worker) bool {
			return w.Measures == nil || w.Measures.EventLoopDelay == nil
		})
	})
}

// sends checks what the app is told.
func (s scenario) sends() {
	s.t.Helper()
	for _, message := range [][]string{
		{"all", `{"cmd": "reset", "n": 1}`},
		{"2", "hello there"},
		{`{"a": 1}`, "--topic=cache:clear"},
	} {
		_, err := s.Run(s.t.Context(), "gopm", append([]string{"send", "my-api"}, message...)...)
		s.must(err)
	}
	for instance, said := range s.talks(workers) {
		want := []string{`{"cmd":"reset","n":1}`}
		if instance == "2" {
			want = append(want, `"hello there"`)
		}
		want = append(want, `{"id":`+instance+`,"type":"process:msg","topic":"cache:clear","data":{"a":1}}`)
		var got []string
		for _, message := range said.Told {
			got = append(got, string(message))
		}
		if !slices.Equal(got, want) {
			s.t.Errorf("instance %s was told %q, want %q", instance, got, want)
		}
	}
}

// reports checks what is said where a message does not arrive.
func (s scenario) reports() {
	s.t.Helper()
	stopped := site.Instance(1)
	s.must(s.Kill(s.t.Context(), stopped, "STOP"))
	s.fails("gopm: error: send to my-api: my-api@1.service: it has not read it within 5s", "send", "my-api", "hello")
	s.must(s.Kill(s.t.Context(), stopped, "CONT"))
	if told := s.talks(workers); len(told["0"].Told) != 3 || len(told["3"].Told) != 3 {
		s.t.Errorf("one that does not read keeps a message from others: %+v", told)
	}
}

// refusesToSend checks what is no message, or for nobody.
func (s scenario) refusesToSend() {
	s.t.Helper()
	s.fails("gopm: error: send to my-api: my-api@7.service is not running", "send", "my-api", "7", "hello")
	s.fails("gopm: error: send to my-api: a message with a cmd that begins with NODE_ would be Node's own, not the app's",
		"send", "my-api", `{"cmd":"NODE_CLUSTER","act":"disconnect"}`)
}

// looksBusy checks the status during a reload.
func (s scenario) looksBusy() {
	s.t.Helper()
	s.systemctl("reload", "--no-block", site.Target)
	var status control.Status
	s.eventually("a reload is under way", func() bool {
		status = s.lookAt("my-api")
		return status.Roll != nil && len(status.Workers) > workers
	})
	canary := status.Workers[workers]
	if r := *status.Roll; r.Reason != "reload" || r.Total != workers || !strings.Contains(r.Doing, ".service") || canary.Unit != site.Instance(workers) {
		s.t.Errorf("the status is %+v, with %+v", r, canary)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// In fork mode too. The same machine has an app whose memory limit is below what
// it needs: that would restart it for ever.
func TestForkMessages(t *testing.T) {
	s := bootFork(t)
	big := s.install(forkApp{
		name:     "big",
		command:  node + " " + forkCode,
		settings: []string{"Environment=GOPM_INSTANCES=1", "Environment=GOPM_MEMORY_LIMIT=" + strconv.Itoa(20<<20)},
	})
	old := big.running(1)
	job := s.install(forkApp{name: "job", command: node + " " + forkCode + " message", settings: []string{"Environment=GOPM_INSTANCES=2"}})
	mute := s.install(forkApp{name: "mute", command: node + " " + forkCode + " disconnect", settings: []string{"Environment=GOPM_INSTANCES=1"}})
	mute.logs(mute.activator(), "goes on without")

	for _, message := range [][]string{{"hello"}, {"1", "--topic=cache:clear", "key"}} {
		_, err := s.Run(t.Context(), "gopm", append([]string{"send", "job"}, message...)...)
		s.must(err)
	}
	job.logs(job.unit(0), `got "hello"`)
	job.logs(job.unit(1), `got "hello"`)
	job.logs(job.unit(1), `got {"id":1,"type":"process:msg","topic":"cache:clear","data":"key"}`)
	s.fails("gopm: error: send to mute: mute@0.service: it has no channel", "send", "mute", "hello")
	running := job.running(2)
	want := control.Status{App: "job", Mode: "fork", Instances: 2, Ready: 2, Listeners: []control.Listener{}, Workers: []control.Worker{
		{Instance: 0, Unit: job.unit(0), PID: running[job.unit(0)], State: control.Ready},
		{Instance: 1, Unit: job.unit(1), PID: running[job.unit(1)], State: control.Ready},
	}}
	if got, want := text(t, s.lookAt("job")), text(t, want); got != want {
		t.Errorf("the status is %s\nwant %s", got, want)
	}

	// Without an agent nobody answers, and the rest is told all the same.
	if got, want := text(t, s.measured("job")), text(t, want); got != want {
		t.Errorf("the status is %s\nwant %s", got, want)
	}

	s.eventually("the limit is said to be too low", func() bool { return len(s.told("memory-limit")) == 2 })
	if now := big.running(1); now[big.unit(0)] == old[big.unit(0)] {
		t.Error("the instance was not restarted")
	}
	journal, err := s.Journal(t.Context(), big.activator())
	s.must(err)
	const says = "after it was replaced for that: the limit is too low for this app, or it leaks fast; it is not replaced for it for the next 1m0s; raise max_memory_restart, or Environment=GOPM_MEMORY_LIMIT= by systemctl edit gopm-activator@big.service"
	if !strings.Contains(journal, says) || strings.Count(journal, "memory of big@0.service: done") != 1 {
		t.Errorf("the journal lacks %q, or has more than one restart:\n%s", says, journal)
	}
}
