package test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/site"
)

// A forkApp is one in fork mode, by hand-written units.
type forkApp struct {
	scenario
	name string
	// exec are flags of gopm-activator exec, command what it becomes.
	exec, command string
	// settings are the activator's, service lines are the instances'.
	settings, service []string
	// cluster is the mistake of a unit without --fork.
	cluster bool
}

// node is the machine's, and forkCode the app's code on it.
const (
	node     = "/opt/node-24/bin/node"
	forkCode = "/srv/fork/app.js"
)

// bootFork boots a machine for apps in fork mode.
func bootFork(t *testing.T) scenario {
	t.Helper()
	s := boot(t, site.Options{})
	code, err := os.ReadFile("testdata/fork/app.js")
	s.must(err)
	s.must(s.WriteFile(forkCode, string(code)))
	return s
}

// install writes the app's units and starts it.
func (s scenario) install(a forkApp) forkApp {
	s.t.Helper()
	a.scenario = s
	s.must(s.WriteFile("/etc/systemd/system/"+a.name+".target", fmt.Sprintf(`[Unit]
Wants=gopm-activator@%[1]s.service
After=gopm-activator@%[1]s.service
PropagatesReloadTo=gopm-activator@%[1]s.service
`, a.name)))
	s.must(s.WriteFile("/etc/systemd/system/gopm-activator@"+a.name+".service.d/10-gopm.conf",
		"[Service]\nEnvironment=GOPM_MODE=fork\n"+strings.Join(a.settings, "\n")+"\n"))
	a.writeService()
	s.systemctl("start", a.name+".target")
	return a
}

// writeService writes the instances' unit.
func (a forkApp) writeService() {
	a.t.Helper()
	mode := "--fork"
	if a.cluster {
		mode = ""
	}
	a.must(a.WriteFile("/etc/systemd/system/"+a.name+"@.service", fmt.Sprintf(`[Unit]
PartOf=%[1]s.target
After=%[1]s.target gopm-activator@%[1]s.socket gopm-activator@%[1]s.service

[Service]
Type=exec
ExecStart=/usr/bin/gopm-activator exec %[5]s %[2]s %[1]s %%i -- %[3]s
ExecStartPost=/usr/bin/gopm-activator wait %[1]s %%i
KillSignal=SIGINT
KillMode=mixed
Restart=on-failure
RestartSec=100ms
User=nobody
%[4]s
`, a.name, a.exec, a.command, strings.Join(a.service, "\n"), mode)))
	a.systemctl("daemon-reload")
}

func (a forkApp) unit(instance int) string { return fmt.Sprintf("%s@%d.service", a.name, instance) }

func (a forkApp) activator() string { return "gopm-activator@" + a.name + ".service" }

// running are the main processes of instances by unit, which are n and active.
func (a forkApp) running(n int) map[string]int {
	a.t.Helper()
	running := map[string]int{}
	for i := range n {
		pid, err := a.MainPID(a.t.Context(), a.unit(i))
		a.must(err)
		if pid == 0 || a.state(a.unit(i)) != "active" {
			a.t.Errorf("%s is %s with process %d", a.unit(i), a.state(a.unit(i)), pid)
		}
		running[a.unit(i)] = pid
	}
	if state := a.state(a.unit(n)); state != "inactive" {
		a.t.Errorf("%s is %s: one too many", a.unit(n), state)
	}
	return running
}

// logs checks that a unit has logged something.
func (a forkApp) logs(unit, want string) {
	a.t.Helper()
	a.eventually(unit+" has logged "+want, func() bool {
		journal, err := a.Journal(a.t.Context(), unit)
		return err == nil && strings.Contains(journal, want)
	})
}

// killActivator has systemd start another activator.
func (a forkApp) killActivator() {
	a.t.Helper()
	before, err := a.MainPID(a.t.Context(), a.activator())
	a.must(err)
	a.must(a.Kill(a.t.Context(), a.activator(), "KILL"))
	a.eventually("another activator is there", func() bool {
		pid, err := a.MainPID(a.t.Context(), a.activator())
		return err == nil && pid != 0 && pid != before && a.state(a.activator()) == "active"
	})
}

// status checks what systemctl status says of the activator.
func (a forkApp) status(want string) {
	a.t.Helper()
	a.eventually("the status is "+want, func() bool {
		status, err := a.Property(a.t.Context(), a.activator(), "StatusText")
		return err == nil && status == want
	})
}

func TestForkInstances(t *testing.T) {
	a := bootFork(t).install(forkApp{
		name:     "web",
		exec:     "--increment=PORT=4000 --pin",
		command:  "/bin/bash -c '" + node + " " + forkCode + " ready'",
		settings: []string{"Environment=GOPM_INSTANCES=2", "Environment=GOPM_WAIT_READY=yes"},
	})
	a.status("2 of 2 instances ready")
	old := a.running(2)
	a.logs(a.unit(0), `{"instance":"0","port":"4000","worker":false,"sends":true,"cpus":"0"}`)
	a.logs(a.unit(1), `{"instance":"1","port":"4001","worker":false,"sends":true,"cpus":"1"}`)

	a.killActivator()
	a.systemctl("restart", a.activator())
	a.status("2 of 2 instances ready")
	if now := a.running(2); !maps.Equal(now, old) {
		t.Errorf("instances are %v, want the old ones %v", now, old)
	}

	out, err := a.Run(t.Context(), "gopm-activator", "reload", "web")
	a.must(err)
	if want := "reload: 2 of 2 instances to restart\nreload 1/2: restarting web@0.service\nreload 2/2: restarting web@1.service\nreload: done"; out != want {
		t.Errorf("reload prints\n%s\nwant\n%s", out, want)
	}
	replaced := a.running(2)
	for unit, pid := range replaced {
		if pid == old[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}

	a.systemctl("reload", "web.target")
	for unit, pid := range a.running(2) {
		if pid == replaced[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}
	replaced = a.running(2)

	// A release that is broken: the first instance fails, the second lives on.
	a.command = "/bin/false"
	a.writeService()
	_, err = a.Run(t.Context(), "gopm-activator", "reload", "web")
	if err == nil || !strings.Contains(err.Error(), "restart of instance 0: exited with status 1") || !strings.Contains(err.Error(), "the roll stopped there") {
		t.Errorf("reload of a broken release: %v", err)
	}
	pid, err := a.MainPID(t.Context(), a.unit(1))
	a.must(err)
	if pid != replaced[a.unit(1)] {
		t.Errorf("instance 1 is %d, want the old one %d", pid, replaced[a.unit(1)])
	}

	// One that can never become ready says so at once.
	a.command = node + " " + forkCode + " disconnect"
	a.writeService()
	_, err = a.Run(t.Context(), "gopm-activator", "reload", "web")
	if err == nil || !strings.Contains(err.Error(), "restart of instance 0: not ready") {
		t.Errorf("reload of a release that never sends ready: %v", err)
	}
	a.logs(a.activator(), `web@0.service has no channel any more and can never send "ready"`)

	a.systemctl("stop", "web.target")
	a.eventually("the app has stopped", func() bool { return a.state(a.unit(1)) == "inactive" && a.state(a.activator()) == "inactive" })
}

// A reload goes on where the activator is killed in it.
func TestForkReloadKilled(t *testing.T) {
	a := bootFork(t).install(forkApp{
		name:     "slow",
		command:  node + " " + forkCode + " slowly",
		settings: []string{"Environment=GOPM_INSTANCES=3", "Environment=GOPM_WAIT_READY=yes"},
	})
	old := a.running(3)
	a.systemctl("reload", "--no-block", "slow.target")
	a.eventually("the second instance is restarted", func() bool { return a.state(a.unit(1)) == "activating" })
	a.killActivator()
	a.logs(a.activator(), "resumed reload: 1 of 3 instances to restart")
	a.logs(a.activator(), "resumed reload: done")
	for unit, pid := range a.running(3) {
		if pid == old[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}
}

func TestForkMemoryLimit(t *testing.T) {
	a := bootFork(t).install(forkApp{
		name:     "fat",
		command:  node + " " + forkCode + " leak",
		settings: []string{"Environment=GOPM_INSTANCES=1", "Environment=GOPM_MEMORY_LIMIT=157286400"},
	})
	old := a.running(1)
	a.logs(a.activator(), "over its limit of 150 MiB (max_memory_restart)")
	a.logs(a.activator(), "memory of fat@0.service 1/1: restarting fat@0.service")
	a.logs(a.activator(), "memory of fat@0.service: done")
	if now := a.running(1); now[a.unit(0)] == old[a.unit(0)] {
		t.Errorf("%v still run", now)
	}
}

func TestForkMessage(t *testing.T) {
	s := bootFork(t)
	tests := map[string]struct{ does, flags, logged string }{
		"told":     {"message", "--message", `got "shutdown"`},
		"signaled": {"message", "", "got SIGINT"},
		"mute": {"disconnect", "--message",
			"gopm-activator: warning: mute@0 is stopped by SIGINT, not by a shutdown message: it has no channel"},
	}
	for name, test := range tests {
		a := s.install(forkApp{
			name:     name,
			command:  node + " " + forkCode + " " + test.does,
			settings: []string{"Environment=GOPM_INSTANCES=1"},
			service:  []string{"ExecStop=/usr/bin/gopm-activator drain --timeout=0s --kill-timeout=30s " + test.flags + " " + name + " %i"},
		})
		a.logs(a.unit(0), `"instance":"0"`)
		s.systemctl("stop", a.unit(0))
		a.logs(a.unit(0), test.logged)
		journal, err := s.Journal(t.Context(), a.unit(0))
		s.must(err)
		if test.flags != "" && name == "told" && strings.Contains(journal, "got SIGINT") {
			t.Errorf("the app got both:\n%s", journal)
		}
		if result, err := s.Property(t.Context(), a.unit(0), "Result"); err != nil || result != "success" {
			t.Errorf("%s has ended with %s, %v", name, result, err)
		}
	}

	// Who does not listen is killed in time.
	a := s.install(forkApp{
		name:     "deaf",
		command:  "/bin/sleep 1000",
		settings: []string{"Environment=GOPM_INSTANCES=1"},
		service:  []string{"ExecStop=/usr/bin/gopm-activator drain --timeout=0s --kill-timeout=100ms --message deaf %i"},
	})
	s.systemctl("stop", a.unit(0))
	a.logs(a.unit(0), "status=9/KILL")
}

// In cluster mode the message comes when what was in flight has been answered.
func TestForkMessageAfterDrain(t *testing.T) {
	s := boot(t, site.Options{Activator: []string{"GOPM_INSTANCES=1"}})
	code, err := os.ReadFile("testdata/message.js")
	s.must(err)
	s.must(s.WriteFile(site.Root+"/src/index.js", string(code)))
	s.must(s.WriteFile("/etc/systemd/system/my-api@.service.d/message.conf",
		"[Service]\nExecStop=\nExecStop=/usr/bin/gopm-activator drain --timeout=30s --kill-timeout=30s --message my-api %i\nStandardOutput=journal\n"))
	s.systemctl("daemon-reload")
	s.must(s.Start(t.Context()))
	answered := make(chan error, 1)
	go func() {
		_, conn, err := s.Ask(t.Context(), "/")
		if err == nil {
			conn.Close()
		}
		answered <- err
	}()
	a := forkApp{scenario: s, name: "my-api"}
	a.logs(a.unit(0), "asked")
	s.systemctl("stop", a.unit(0))
	if err := <-answered; err != nil {
		t.Errorf("a request under way: %v", err)
	}
	journal, err := s.Journal(t.Context(), a.unit(0))
	s.must(err)
	if !strings.Contains(journal, `got "shutdown"`) || strings.Contains(journal, "got SIGINT") {
		t.Errorf("the journal has no message, or a signal:\n%s", journal)
	}
}

// Programs that close the channel, misuse it or never look at it, and those
// that end: none is hurt, and none is started anew.
func TestForkChannels(t *testing.T) {
	s := bootFork(t)
	one := []string{"Environment=GOPM_INSTANCES=1"}
	apps := map[string]struct {
		command, logged string
	}{
		"closes": {node + " " + forkCode + " disconnect", "closes@0.service has no channel any more (process.disconnect) and goes on without"},
		"lies":   {node + " " + forkCode + " lie", "lies@0.service: its channel is closed: it says NODE_CLUSTER queryServer, as a cluster's worker does, but this is fork mode (GOPM_MODE=fork); its process goes on without"},
		"sleeps": {"/bin/sleep 1000", "sleeps@0.service is ready"},
	}
	for name, test := range apps {
		a := s.install(forkApp{name: name, command: test.command, settings: one})
		a.logs(a.activator(), test.logged)
		old := a.running(1)
		a.killActivator()
		a.status("1 of 1 instances ready")
		if now := a.running(1); !maps.Equal(now, old) {
			t.Errorf("%s is %v, want %v", name, now, old)
		}
		// Its end is noticed with and without a channel.
		s.systemctl("stop", a.unit(0))
		a.status("0 of 1 instances ready")
	}

	// A unit of the other mode is told so, and not left to guess.
	wrong := s.install(forkApp{name: "wrong", command: node + " " + forkCode, settings: one, cluster: true})
	wrong.logs(wrong.unit(0), "gopm-activator: error: wrong@0.service calls exec without --fork, but its activator runs in fork mode (GOPM_MODE=)")

	a := s.install(forkApp{name: "ends", command: "/bin/sleep 0.2", settings: one})
	a.logs(a.activator(), "ends@0.service has ended")
	a.killActivator()
	a.status("0 of 1 instances ready")
	if state := a.state(a.unit(0)); state != "inactive" {
		t.Errorf("an instance that had ended is %s after a kill of the activator", state)
	}
	s.systemctl("restart", "ends.target")
	a.eventually("it has been started again", func() bool {
		journal, err := s.Journal(t.Context(), a.activator())
		return err == nil && strings.Count(journal, "ends@0.service is ready") == 2
	})
}
