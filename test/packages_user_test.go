package test

import "maps"

// mine is an app of a user's own, in the user's own systemd.
const mine = `mkdir /srv/mine
cat >/srv/mine/ecosystem.config.js <<END
module.exports = { apps: [{ name: 'mine', script: 'web.js', exec_mode: 'cluster', instances: 2, port: 3100 }] };
END
echo "require('http').createServer((req, res) => res.end('{}')).listen(3100)" >/srv/mine/web.js
gopm-gen --user --output / /srv/mine/ecosystem.config.js`

// upgradesGopmForUsers installs another version of gopm while an app of a user's
// runs: the workers stay, and their activator is the new one.
func (s packaged) upgradesGopmForUsers() {
	user := userSite{s.scenario}
	user.addManager()
	out, err := s.shell(mine)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	user.start()
	user.user("start", "mine.target")
	old := user.instances("mine", 2)
	activator := user.user("show", "--property=MainPID", "--value", "gopm-activator@mine.service")

	out, err = s.shell("dpkg --install gopm_1.0.0_amd64.deb")
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	if now := user.instances("mine", 2); !maps.Equal(now, old) {
		s.t.Errorf("a user's workers are %v after an upgrade of gopm, want the old ones %v", now, old)
	}
	if now := user.user("show", "--property=MainPID", "--value", "gopm-activator@mine.service"); now == activator || now == "0" {
		s.t.Errorf("a user's activator is %s after an upgrade of gopm, and was %s", now, activator)
	}
	s.ask("http://127.0.0.1:3100", &struct{}{})
	user.user("stop", "mine.target")
	s.systemctl("stop", "user@"+uid+".service")
	_, err = s.shell("rm -r /srv/mine /usr/lib/systemd/user/*mine* /usr/lib/systemd/user-preset/*mine* /etc/systemd/system/user@.service")
	s.must(err)
}
