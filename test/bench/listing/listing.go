// Package listing measures how long a list of many apps takes: gopm ls, beside
// what PM2 has for that. It needs root.
package listing

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/pm2"
	"github.com/gopm/gopm/test/site"
)

// Name and About are the measure's in the table.
const (
	Name  = "ls"
	About = "A whole process, from its start to its end, that lists many apps, each with an activator; their workers are real units that do nothing (sleep), since it is the list that is measured"
)

// Size is how many there are to list.
type Size struct {
	Apps    int `json:"apps"`
	Workers int `json:"workers"` // of each
}

// pm2Root is where PM2 is in the machine.
const pm2Root = "/opt/pm2"

// Measure boots a machine, lists what runs there several times, and adds what each
// took.
func Measure(ctx context.Context, size Size, runs int, r *results.Results) error {
	folder, err := pm2.Folder(ctx)
	if err != nil {
		return err
	}
	stage, err := site.NewStage(ctx)
	if err != nil {
		return err
	}
	defer stage.Close()
	if err := stage.Strip(); err != nil {
		return err
	}
	s, err := stage.Boot(ctx, site.Options{Folders: map[string]string{pm2Root: folder}})
	if err != nil {
		return err
	}
	defer s.Close()
	m := machine{s, size}
	if err := m.start(ctx); err != nil {
		return err
	}
	if err := m.measureAll(ctx, results.Ours, "gopm", runs, r); err != nil {
		return err
	}
	if _, err := m.Run(ctx, "gopm", "stop", "all"); err != nil {
		return err
	}
	if err := m.startPM2(ctx); err != nil {
		return err
	}
	if err := m.measureAll(ctx, results.PM2, pm2Command, runs, r); err != nil {
		return err
	}
	_, err = s.Run(ctx, "sh", "-c", pm2Command+" kill")
	return err
}

// machine is a booted one with many apps.
type machine struct {
	*site.Site
	Size
}

func (m machine) app(i int) string { return fmt.Sprintf("app-%02d", i) }

// start writes the apps' units and starts them.
func (m machine) start(ctx context.Context) error {
	var targets []string
	for i := range m.Apps {
		app := m.app(i)
		targets = append(targets, app+".target")
		for name, text := range map[string]string{
			app + ".target": "[Unit]\nWants=gopm-activator@" + app + ".service\nAfter=gopm-activator@" + app + ".service\n",
			"gopm-activator@" + app + ".service.d/10-gopm.conf": "[Service]\nEnvironment=GOPM_MODE=fork GOPM_INSTANCES=" + strconv.Itoa(m.Workers) + "\n",
			app + "@.service": "[Unit]\nPartOf=" + app + ".target\n[Service]\nType=exec\nRestart=always\nRestartSec=1s\nExecStart=/usr/bin/gopm-activator exec --fork " + app + " %i -- /usr/bin/sleep infinity\n",
		} {
			if err := m.WriteFile(path.Join("/etc/systemd/system", name), text); err != nil {
				return err
			}
		}
	}
	if _, err := m.Systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	// A command may take 2 minutes, which is too little on a busy machine.
	if _, err := m.Systemctl(ctx, append([]string{"start", "--no-block"}, targets...)...); err != nil {
		return err
	}
	return m.await(ctx)
}

// await waits until all are listed as ready: on a busy machine some starts fail,
// and systemd makes others.
func (m machine) await(ctx context.Context) error {
	for begun := time.Now(); ; time.Sleep(time.Second) {
		out, err := m.Run(ctx, "gopm", "ls")
		listed := strings.Count(out, " ready ")
		switch {
		case err != nil:
			return err
		case listed == m.Apps*m.Workers:
			return nil
		case time.Since(begun) > patience:
			return fmt.Errorf("gopm ls lists %d workers that are ready, not %d:\n%s", listed, m.Apps*m.Workers, out)
		}
	}
}

const patience = 5 * time.Minute

// pm2Command is PM2 for a shell.
const pm2Command = "env HOME=/root PM2_HOME=/root/.pm2 PATH=/opt/node-24/bin:/usr/bin:/bin " + pm2Root + "/node_modules/pm2/bin/pm2"

// startPM2 starts as many processes under PM2.
func (m machine) startPM2(ctx context.Context) error {
	var apps []string
	for i := range m.Apps {
		apps = append(apps, fmt.Sprintf("{name:'%s',script:'/usr/bin/sleep',args:'infinity',exec_mode:'fork',interpreter:'none',instances:%d}", m.app(i), m.Workers))
	}
	if err := m.WriteFile("/root/ecosystem.config.js", "module.exports={apps:["+strings.Join(apps, ",")+"]}"); err != nil {
		return err
	}
	_, err := m.Run(ctx, "sh", "-c", pm2Command+" start /root/ecosystem.config.js")
	return err
}

// lists are the verbs that are measured, and oneStopped the first of them once one app
// does not run: gopm asks systemd only then.
var lists = []string{"ls", "jlist"}

const oneStopped = "ls, one app stopped"

// measureAll measures the lists of a peer, whose program is called as told.
func (m machine) measureAll(ctx context.Context, peer, program string, runs int, r *results.Results) error {
	for _, verb := range lists {
		if err := m.measure(ctx, peer, verb, program+" "+verb, runs, r); err != nil {
			return err
		}
	}
	if _, err := m.Run(ctx, "sh", "-c", program+" stop "+m.app(m.Apps-1)); err != nil {
		return err
	}
	return m.measure(ctx, peer, oneStopped, program+" "+lists[0], runs, r)
}

// timed prints how long a command took and the CPU time that it took itself, in
// seconds, as often as it is told. That is done in the machine: to get in there
// takes longer than a list.
const timed = `TIMEFORMAT='%R %U %S'; for ((i = 0; i < $2; i++)); do time $1 >/dev/null; done 2>&1`

// measure runs a command several times, once more before that counts.
func (m machine) measure(ctx context.Context, peer, title, command string, runs int, r *results.Results) error {
	out, err := m.Run(ctx, "bash", "-c", timed, "bash", command, strconv.Itoa(runs+1))
	if err != nil {
		return err
	}
	for n, line := range strings.Split(out, "\n") {
		var real, user, system float64
		if _, err := fmt.Sscan(line, &real, &user, &system); err != nil {
			return fmt.Errorf("read what %s took: %w in %q", command, err, line)
		}
		if n == 0 {
			continue
		}
		const ms = 1000 // in a second
		s := results.Sample{Measure: Name, Case: title, Unit: "ms", Peer: peer, Round: n}
		s.Metric, s.Value = "time", real*ms
		r.Add(s)
		s.Metric, s.Value = "CPU", (user+system)*ms
		r.Add(s)
	}
	return nil
}
