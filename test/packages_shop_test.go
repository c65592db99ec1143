package test

// shop is what the app of test/packages/shop answers.
type shop struct{ Version, Key string }

// otherApps is a package of three apps: a secret, fork mode, another port and one
// app less with an upgrade.
func (s packaged) otherApps() {
	name := "/packages/nfpm/shop" + s.by.suffix
	if s.by.fails {
		s.forbidden(name)
	}
	s.installs(name)
	s.shop("4000", "1.0.0")
	if out, err := s.shell("stat --format=%a:%U /etc/gopm/shop-web.env; grep --recursive --files-with-matches 'open sesame' /usr/lib/systemd || true"); err != nil || out != "600:root" {
		s.t.Errorf("the secret: %v\n%s", err, out)
	}
	tick := s.main("shop-tick@0.service")
	s.main("shop-old@0.service")

	s.installs("/packages/nfpm/shop" + s.second())
	s.shop("4001", "2.0.0")
	s.refused("127.0.0.1:4000")
	if now := s.main("shop-tick@0.service"); now == tick {
		s.t.Errorf("the app in fork mode is process %d, as before its upgrade", now)
	}
	s.stopped("shop-old")
	s.removes("shop")
	s.gone("shop", nil)
	s.refused("127.0.0.1:4001")
}

// second is the suffix of the second version.
func (s packaged) second() string { return s.by.suffix[:1] + "2.0.0" + s.by.suffix[len("_1.0.0"):] }

// forbidden installs the package where policy-rc.d lets nothing start.
func (s packaged) forbidden(name string) {
	s.must(s.WriteFile("/tmp/policy-rc.d", "#!/bin/sh\nexit 101\n"))
	_, err := s.shell("install /tmp/policy-rc.d /usr/sbin/policy-rc.d")
	s.must(err)
	s.installs(name)
	s.refused("127.0.0.1:4000")
	processes, err := s.Processes("*shop*")
	s.must(err)
	if len(processes) > 0 {
		s.t.Errorf("policy-rc.d forbids to start anything, and there are %v", processes)
	}
	_, err = s.shell("rm /usr/sbin/policy-rc.d; dpkg --remove shop")
	s.must(err)
}

// shop checks what the app on a port answers.
func (s packaged) shop(port, version string) {
	s.t.Helper()
	var got shop
	s.ask("http://127.0.0.1:"+port, &got)
	if want := (shop{version, "open sesame"}); got != want {
		s.t.Errorf("port %s answers %v, want %v", port, got, want)
	}
}

// main returns the main process of a unit that runs.
func (s packaged) main(unit string) int {
	s.t.Helper()
	pid, err := s.MainPID(s.t.Context(), unit)
	s.must(err)
	if pid == 0 || s.state(unit) != "active" {
		s.t.Errorf("%s does not run", unit)
	}
	return pid
}
