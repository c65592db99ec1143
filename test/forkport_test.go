package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// A forkPort is the example app in PM2's own mode: nothing but a script and a
// port.
type forkPort struct{ forkApp }

// convert makes the app's units, with what else its file says.
func (a forkPort) convert(own string) {
	a.t.Helper()
	a.must(a.WriteFile(site.Root+"/ecosystem.config.js", fmt.Sprintf(
		"module.exports = { apps: [{ name: 'my-api', script: 'src/index.js', port: 3000, gopm: { %s } }] };\n", own)))
	a.shell("gopm-gen --output /tmp/fork " + site.Root + "/ecosystem.config.js && cp -r /tmp/fork/usr/lib/systemd/system/. /etc/systemd/system && systemctl daemon-reload")
}

// other checks that there is one instance, and another than old.
func (a forkPort) other(old map[string]int) map[string]int {
	a.t.Helper()
	now := a.running(1)
	if maps.Equal(now, old) {
		a.t.Errorf("instances are %v still", now)
	}
	return now
}

func TestForkPort(t *testing.T) {
	a := forkPort{forkApp{scenario: boot(t, site.Options{}), name: "my-api"}}
	a.convert("")
	a.must(a.Deploy(site.Greedy))
	a.must(a.Start(t.Context()))
	a.seesNoDifference()
	a.waits()
	a.isStartedByACaller()
	a.convert("surge: 1")
	a.systemctl("restart", site.Target)
	a.overlaps()
}

// seesNoDifference: it is in no cluster, and opens what it wants but for the
// port that the socket unit has.
func (a forkPort) seesNoDifference() {
	want := map[string]string{
		"cluster.isWorker":        "false",
		"low port":                "EACCES",
		"one address of the port": "EADDRINUSE",
		"unix socket":             "listens",
		"the port again":          "EADDRINUSE",
		"other port":              "listens",
	}
	var tried map[string]string
	a.eventually("the app has tried everything", func() bool {
		tried = map[string]string{}
		a.must(json.Unmarshal([]byte(a.get("http://"+site.Address+"/tried")), &tried))
		return len(tried) == len(want)
	})
	if !maps.Equal(tried, want) {
		a.t.Errorf("the app tried %v, want %v", tried, want)
	}
	a.greeted()
}

// waits: callers do, and none is refused, through a restart, a reload in place
// and a kill of the activator.
func (a forkPort) waits() {
	old := a.running(1)
	a.must(a.Deploy(site.Good))
	for _, profile := range load.Profiles() {
		a.lossless(a.under(profile, func() { a.systemctl("restart", site.Target) }))
		old = a.other(old)
	}
	a.lossless(a.under(load.PerRequest, func() {
		_, err := a.Run(a.t.Context(), "gopm-activator", "reload", a.name)
		a.must(err)
		old = a.other(old)
		a.killActivator()
		a.status("1 of 1 instances ready")
	}))
	if now := a.running(1); !maps.Equal(now, old) {
		a.t.Errorf("instances are %v after a kill of the activator, want the old ones %v", now, old)
	}
	// What was begun is finished by one that was adopted, too.
	a.lossless(a.under(load.Slow, func() { a.systemctl("restart", a.unit(0)) }))
	a.other(old)
}

// isStartedByACaller: the first one, where only the port is open.
func (a forkPort) isStartedByACaller() {
	a.systemctl("stop", site.Target)
	a.eventually("the port is closed", func() bool {
		refuses, err := a.Refuses(a.t.Context())
		a.must(err)
		return refuses
	})
	a.systemctl("start", site.Socket)
	a.get("http://" + site.Address + "/health")
	a.running(1)
}

// overlaps: with gopm.surge another instance serves before one goes.
func (a forkPort) overlaps() {
	old := a.running(1)
	watch, err := a.Watch(a.t.Context())
	a.must(err)
	for _, profile := range []load.Profile{load.KeepAlive, load.PerRequest} {
		a.lossless(a.under(profile, func() { a.must(a.Reload(a.t.Context())) }))
		old = a.other(old)
	}
	a.lossless(a.under(load.PerRequest, func() {
		a.systemctl("reload", "--no-block", site.Target)
		a.eventually("the canary runs", func() bool { return a.state(a.unit(1)) == "active" })
		a.killActivator()
		a.logs(a.activator(), "resumed reload: done")
	}))
	old = a.other(old)
	a.must(a.Deploy(site.Broken))
	a.lossless(a.under(load.KeepAlive, func() {
		_, err := a.Run(a.t.Context(), "gopm-activator", "reload", a.name)
		if err == nil || !strings.Contains(err.Error(), "canary 1 did not become ready: exited with status 1") {
			a.t.Errorf("reload of a broken release: %v", err)
		}
	}))
	if now := a.running(1); !maps.Equal(now, old) {
		a.t.Errorf("instances are %v after an aborted reload, want the old ones %v", now, old)
	}
	seen, err := watch.Stop()
	a.must(err)
	if seen.FewestReady < 1 || seen.MostReady != 2 || seen.MostOfFirst > 1 {
		a.t.Errorf("%+v: want one or two ready at any time, and instance 0 once", seen)
	}
}
