package main

import (
	"fmt"
)

// pm2Word is what has taken the place of a word of PM2's.
type pm2Word struct {
	answer string
	// holds: what the word is for is so without it, and a script may go on.
	holds bool
}

// pm2Words are PM2's commands that gopm has no verb for.
var pm2Words = map[string]pm2Word{
	"save":                  {"nothing is to be saved: units are files, and systemctl enable APP.target has an app start at boot", true},
	"dump":                  {"nothing is to be saved: units are files, and systemctl enable APP.target has an app start at boot", true},
	"resurrect":             {"nothing is to be brought back: systemd starts what is enabled at boot", true},
	"update":                {"there is no daemon to update: a package upgrade restarts the activators, and no worker notices", true},
	"ping":                  {"there is no daemon; gopm ls shows the apps", true},
	"kill":                  {"there is no daemon to kill; gopm stop all stops the apps", false},
	"startup":               {"systemd is the startup: systemctl enable APP.target has an app start at boot", false},
	"unstartup":             {"systemctl disable APP.target keeps an app from starting at boot", false},
	"delete":                {"gopm stop APP stops it and systemctl disable APP.target keeps it stopped; gopm-gen removes the units of an app that its file has no more", false},
	"flush":                 {"logs are in the journal: journalctl --rotate --vacuum-time=1s drops them, of all units", false},
	"reloadLogs":            {"nothing is to be reopened: logs are in the journal, and log files are rotated by logrotate with copytruncate", true},
	"reset":                 {"restarts are counted by systemd: systemctl reset-failed 'APP@*' sets them to 0, and so do gopm reload APP and gopm restart APP", false},
	"deploy":                {"copy or pull the release and gopm reload APP; gopm-gen makes APP-update.service of post_update, which does both", false},
	"pull":                  {"git pull, then gopm reload APP; gopm-gen makes APP-update.service of post_update, which does both", false},
	"forward":               {"git checkout, then gopm reload APP", false},
	"backward":              {"git checkout, then gopm reload APP", false},
	"plus":                  {"there is no dashboard to connect to; gopm jlist feeds exporters of PM2's, and gopm ls --json others", false},
	"link":                  {"there is no dashboard to connect to; gopm jlist feeds exporters of PM2's, and gopm ls --json others", false},
	"unlink":                {"there is no dashboard that anything was connected to", true},
	"monitor":               {"there is no dashboard to connect to; gopm monit shows the apps in the terminal", false},
	"unmonitor":             {"there is no dashboard that anything was connected to", true},
	"install":               {"there are no modules: logs rotate by themselves, and gopm jlist feeds exporters", false},
	"uninstall":             {"there are no modules", true},
	"set":                   {"there is no configuration beside the units: gopm-ecosystem(5) has the settings of an app", false},
	"get":                   {"there is no configuration beside the units: systemctl cat APP@.service shows them", false},
	"conf":                  {"there is no configuration beside the units: systemctl cat APP@.service shows them", false},
	"attach":                {"workers have no standard input; gopm logs APP follows them, and gopm send APP MESSAGE talks to them", false},
	"serve":                 {"a static folder is for nginx or caddy; a unit with npx serve does as well", false},
	"ecosystem":             {"gopm-ecosystem(5) has an example to begin with", false},
	"init":                  {"gopm-ecosystem(5) has an example to begin with", false},
	"prettylist":            {"gopm jlist | jq prints the same", false},
	"prettyList":            {"gopm jlist | jq prints the same", false},
	"id":                    {"an app has a name and its workers are APP@0, APP@1 and so on: gopm ls", false},
	"pid":                   {"gopm ls shows them; for scripts: gopm ls --json | jq '.[].workers[].pid'", false},
	"report":                {"gopm describe APP, and journalctl -u 'APP@*' -u gopm-activator@APP", false},
	"inspect":               {"gopm signal SIGUSR1 APP@0 opens the inspector of one worker, at 127.0.0.1:9229", false},
	"startOrRestart":        {"gopm-gen makes units of a file; then gopm restart APP", false},
	"startOrReload":         {"gopm-gen makes units of a file; then gopm reload APP", false},
	"startOrGracefulReload": {"gopm-gen makes units of a file; then gopm reload APP", false},
	"gracefulReload":        {"gopm reload APP is graceful", false},
}

// give prints the answer to a word, or fails with it.
func (p pm2Word) give(word string, w world) error {
	if p.holds {
		fmt.Fprintf(w.stdout, "gopm %s: %s\n", word, p.answer)
		return nil
	}
	return fmt.Errorf("gopm has no %s: %s", word, p.answer)
}
