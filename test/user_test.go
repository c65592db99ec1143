package test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// A userSite is a site whose app belongs to a user's own service manager.
type userSite struct{ scenario }

// uid is the user's.
const uid = "1000"

// userManager starts a user's manager without what pam_systemd(8) and
// systemd-logind(8) would do for it: there is nobody to log in.
const userManager = `[Service]
User=%i
Type=notify
ExecStartPre=+/usr/bin/install -d -m 700 -o %i /run/user/%i
Environment=XDG_RUNTIME_DIR=/run/user/%i
ExecStart=/lib/systemd/systemd --user
Slice=user-%i.slice
KillMode=mixed
Delegate=yes
`

// bootUser boots a site and starts a user's manager.
func bootUser(t *testing.T) userSite {
	t.Helper()
	s := userSite{boot(t, site.Options{})}
	t.Cleanup(func() {
		if t.Failed() {
			// The test's own context has ended.
			journal, err := s.Run(context.Background(), "journalctl", "--boot", "--no-pager", "--output=short-monotonic", "_UID="+uid)
			t.Logf("the user's journal: %v\n%s", err, journal)
		}
	})
	s.addManager()
	for _, name := range []string{"gopm-activator@.service", "gopm-activator@.socket"} {
		unit, err := os.ReadFile("../units/user/" + name)
		s.must(err)
		s.unit(name, string(unit))
	}
	return s
}

// addManager adds a user, whose manager start starts.
func (s userSite) addManager() {
	s.t.Helper()
	accounts, err := s.ReadFile("/etc/passwd")
	s.must(err)
	s.must(s.WriteFile("/etc/passwd", accounts+"dev:x:"+uid+":"+uid+"::/tmp:/bin/sh\n"))
	s.must(s.WriteFile("/etc/systemd/system/user@.service", userManager))
	s.systemctl("daemon-reload")
}

// unit writes one of the user's.
func (s userSite) unit(name, text string) {
	s.t.Helper()
	s.must(s.WriteFile("/etc/systemd/user/"+name, text))
}

// start starts the user's manager, which reads its units then.
func (s userSite) start() {
	s.t.Helper()
	s.systemctl("start", "user@"+uid+".service")
}

// as runs a command as the user.
func (s userSite) as(name string, args ...string) (string, error) {
	return s.Run(s.t.Context(), "setpriv", append([]string{
		"--reuid=" + uid, "--regid=" + uid, "--clear-groups", "env", "HOME=/tmp", "XDG_RUNTIME_DIR=/run/user/" + uid, name}, args...)...)
}

func (s userSite) user(args ...string) string {
	s.t.Helper()
	out, err := s.as("systemctl", append([]string{"--user", "--no-pager"}, args...)...)
	s.must(err)
	return out
}

// instances are the main processes of an app's instances, which are active.
func (s userSite) instances(app string, n int) map[string]int {
	s.t.Helper()
	pids := map[string]int{}
	for i := range n {
		unit := fmt.Sprintf("%s@%d.service", app, i)
		shown := s.user("show", "--property=ActiveState,MainPID", "--value", unit)
		fields := strings.Fields(shown)
		if !slices.Contains(fields, "active") {
			s.t.Errorf("%s is %v, want active", unit, fields)
		}
		for _, field := range fields {
			if pid, err := strconv.Atoi(field); err == nil {
				pids[unit] = pid
			}
		}
	}
	return pids
}

func TestForkUserManager(t *testing.T) {
	s := bootUser(t)
	s.unit("my-api.target", "[Unit]\nWants=my-api.socket gopm-activator@my-api.service\nAfter=my-api.socket gopm-activator@my-api.service\nPropagatesReloadTo=gopm-activator@my-api.service\n")
	s.unit("my-api.socket", "[Unit]\nStopPropagatedFrom=my-api.target\n[Socket]\nListenStream=3000\nReusePort=yes\nTriggerLimitIntervalSec=0\nService=gopm-activator@my-api.service\n")
	s.unit("gopm-activator@my-api.service.d/10-gopm.conf", "[Unit]\nWants=my-api.socket\nAfter=my-api.socket\n[Service]\nEnvironment=GOPM_INSTANCES=2\n")
	s.unit("my-api@.service", `[Unit]
PartOf=my-api.target
After=my-api.target my-api.socket gopm-activator@my-api.socket gopm-activator@my-api.service
[Service]
Type=exec
ExecStart=/usr/bin/gopm-activator exec my-api %i -- `+node+` src/index.js
ExecStartPost=/usr/bin/gopm-activator wait my-api %i
ExecStop=/usr/bin/gopm-activator drain --timeout=10s my-api %i
KillSignal=SIGINT
KillMode=mixed
Restart=always
WorkingDirectory=`+site.Root+`
`)
	s.start()
	s.user("start", "my-api.target")
	old := s.instances("my-api", 2)
	// What programs of the host's say to it is not about our units.
	out, err := s.as("sh", "-c", "systemd-analyze --user verify gopm-activator@my-api.service gopm-activator@my-api.socket 2>&1 | grep -e gopm -e my-api; true")
	s.must(err)
	if out != "" {
		t.Errorf("systemd-analyze --user verify prints:\n%s", out)
	}

	s.lossless(s.under(load.KeepAlive, func() {
		// The activator is killed, and another one goes on.
		s.user("kill", "--kill-whom=main", "--signal=KILL", "gopm-activator@my-api.service")
		s.eventually("another activator is there", func() bool {
			return s.user("show", "--property=NRestarts", "--value", "gopm-activator@my-api.service") == "1" &&
				s.user("show", "--property=ActiveState", "--value", "gopm-activator@my-api.service") == "active"
		})
		if now := s.instances("my-api", 2); !maps.Equal(now, old) {
			t.Errorf("workers are %v, want the old ones %v", now, old)
		}
		s.user("reload", "my-api.target")
		// By hand, from a shell of the user's.
		out, err := s.as("gopm", "reload", "--user", "my-api")
		s.must(err)
		if !strings.HasSuffix(out, "reload: done") {
			t.Errorf("reload prints\n%s", out)
		}
		out, err = s.as("gopm", "scale", "--user", "my-api", "+1")
		if err != nil || out != "my-api: online, 3 of 3 ready" {
			t.Errorf("scale prints\n%s, %v", out, err)
		}
	}))
	s.instances("my-api", 3)
	if out, err := s.as("gopm", "ls", "--user"); err != nil || strings.Count(out, " ready ") != 3 || strings.Contains(out, "less is shown") {
		t.Errorf("gopm ls --user prints, %v:\n%s", err, out)
	}
	for unit, pid := range s.instances("my-api", 2) {
		if pid == old[unit] {
			t.Errorf("%s still has process %d", unit, pid)
		}
	}
	journal, err := s.Run(t.Context(), "journalctl", "--boot", "--no-pager", "_UID="+uid)
	s.must(err)
	if !strings.Contains(journal, "new connections are spread at random and not in turn") {
		t.Errorf("a user's activator has the kernel's selector:\n%s", journal)
	}

	// Nobody else's socket, and no other user.
	if _, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api"); err == nil || !strings.Contains(err.Error(), "/run/gopm/my-api.sock") {
		t.Errorf("root reaches a user's activator: %v", err)
	}
	s.user("stop", "my-api.target")
	s.eventually("the app has stopped", func() bool {
		return s.user("show", "--property=ActiveState", "--value", "gopm-activator@my-api.service") == "inactive"
	})
}
