package test

import (
	"strings"
	"testing"

	"github.com/gopm/gopm/test/site"
)

// A file in /etc/gopm is enough: the next daemon-reload, or boot, has units for
// its apps, and a file with a mistake costs the others nothing.
func TestFilesOfEtcGopm(t *testing.T) {
	s := boot(t, site.Options{})
	s.must(s.WriteFile("/srv/tick/tick.sh", "echo \"$GREETING $API_TOKEN\"\nexec sleep infinity\n"))
	s.must(s.WriteFile("/srv/tick/ecosystem.config.js", `module.exports = { apps: [
		{ name: 'tick', script: './tick.sh', instances: 2, exec_mode: 'fork', env: { GREETING: 'hello', API_TOKEN: 'hunter2' } },
		{ name: 'cron', script: './cron.sh' },
	] }`))
	s.must(s.WriteFile("/etc/gopm/10-broken.config.js", "module.exports = {"))
	_, err := s.Run(t.Context(), "ln", "-s", "/srv/tick/ecosystem.config.js", "/etc/gopm/tick.config.js")
	s.must(err)
	s.systemctl("daemon-reload")

	if wants := s.systemctl("show", "--value", "--property=Wants", "multi-user.target"); !strings.Contains(wants, "tick.target") {
		t.Errorf("multi-user.target wants %s, not tick.target", wants)
	}
	if source := s.systemctl("show", "--value", "--property=SourcePath", "tick@0.service"); source != "/srv/tick/ecosystem.config.js" {
		t.Errorf("the source is %q", source)
	}
	if text := s.systemctl("cat", "tick.target", "tick@.service"); strings.Contains(text, "hunter2") {
		t.Errorf("the secret is in\n%s", text)
	}
	s.systemctl("start", "tick.target")
	s.eventually("both instances have said hello", func() bool {
		out, err := s.Run(t.Context(), "journalctl", "--output=cat", "--unit=tick@*")
		s.must(err)
		return strings.Count(out, "hello hunter2") == 2
	})

	// Without the file there are no units, and what runs goes on.
	_, err = s.Run(t.Context(), "rm", "/etc/gopm/tick.config.js")
	s.must(err)
	s.systemctl("daemon-reload")
	if state := s.state("tick@0.service"); state != "active" {
		t.Errorf("tick@0.service is %s, want active", state)
	}
	if _, err := s.Run(t.Context(), "ls", "/run/systemd/generator/tick.target"); err == nil {
		t.Error("the target is still there")
	}
}
