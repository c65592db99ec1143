package control

import "testing"

func TestManager(t *testing.T) {
	const (
		unitOfUser   = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-my\\x2dapi.slice/my-api@0.service\n"
		unitOfSystem = "0::/system.slice/system-my\\x2dapi.slice/my-api@0.service\n"
		session      = "0::/user.slice/user-1000.slice/session-2.scope\n"
	)
	user := Manager{"/run/user/1000", true}
	tests := map[string]struct {
		process Process
		want    Manager
	}{
		"a worker of a user's":                  {Process{1000, unitOfUser, "/run/user/1000"}, user},
		"a worker of a user's, version 1":       {Process{1000, "3:cpu:/\n1:name=systemd:" + unitOfUser[3:] + "0::/\n", "/run/user/1000"}, user},
		"a worker without its environment":      {Process{1000, unitOfUser, ""}, user},
		"a worker of the system's":              {Process{1000, unitOfSystem, ""}, System},
		"a worker with somebody's environment":  {Process{1000, unitOfSystem, "/run/user/1000"}, System},
		"a unit that calls itself a user's":     {Process{1000, "0::/system.slice/user@1001.service/x.service\n", "/tmp/x"}, System},
		"a user's shell":                        {Process{1000, session, "/run/user/1000"}, user},
		"a user's shell without an environment": {Process{1000, session, ""}, System},
		"root's shell":                          {Process{0, session, ""}, System},
		"root's shell in a user's environment":  {Process{0, session, "/run/user/1000"}, System},
		"a worker of root's own manager":        {Process{0, "0::/user.slice/user-0.slice/user@0.service/app.slice/a.service\n", "/run/user/0"}, Manager{"/run/user/0", true}},
		"root's worker":                         {Process{0, unitOfSystem, "/run/user/1000"}, System},
		"a container without a manager":         {Process{1000, "0::/\n", ""}, System},
	}
	for name, test := range tests {
		if got := test.process.Manager(); got != test.want {
			t.Errorf("%s: its manager is %+v, want %+v", name, got, test.want)
		}
	}
}

func TestAddress(t *testing.T) {
	if got, want := System.Address("my-api"), (Address{"my-api", "/run/gopm/my-api.sock"}); got != want {
		t.Errorf("address is %v, want %v", got, want)
	}
	m := Manager{"/run/user/1000", true}
	if got, want := m.Address("my-api"), (Address{"my-api", "/run/user/1000/gopm/my-api.sock"}); got != want {
		t.Errorf("address is %v, want %v", got, want)
	}
	if got, want := m.Private(), "/run/user/1000/systemd/private"; got != want {
		t.Errorf("private socket is %s, want %s", got, want)
	}
}
