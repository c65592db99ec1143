package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gopm/gopm/test/bench/life"
	"github.com/gopm/gopm/test/bench/measures"
	"github.com/gopm/gopm/test/bench/peers"
	"github.com/gopm/gopm/test/bench/results"
	"github.com/gopm/gopm/test/pm2"
	"github.com/gopm/gopm/test/site"
)

type sayer func(format string, args ...any)

// measureAll makes all measurements that are asked for. What it returns is not
// nil as soon as there was something to measure, with an error or without.
func measureAll(ctx context.Context, o options, say sayer) (*results.Results, error) {
	host, err := results.Describe()
	if err != nil {
		return nil, err
	}
	r := &results.Results{Host: host, Settings: o.Settings, About: about(), Published: results.OxMgr()}
	r.Host.PM2 = pm2.Version
	var errs []error
	if slices.ContainsFunc(measures.All(), func(m measures.Measure) bool { return o.wants(m.Name) }) {
		errs = append(errs, onMachine(ctx, o, r, say))
	}
	for _, a := range alone {
		if o.wants(a.name) && ctx.Err() == nil {
			say("%s", a.name)
			errs = append(errs, a.run(ctx, o, r))
		}
	}
	return r, errors.Join(errs...)
}

// about has a sentence on each measure.
func about() map[string]string {
	out := map[string]string{}
	for _, m := range measures.All() {
		out[m.Name] = m.About
	}
	for _, a := range alone {
		out[a.name] = a.about
	}
	return out
}

// onMachine boots a machine and measures the peers there.
func onMachine(ctx context.Context, o options, r *results.Results, say sayer) error {
	say("building gopm and booting a machine")
	watch, err := life.New()
	if err != nil {
		return err
	}
	defer watch.Close()
	folders, err := peers.Folders(ctx, watch)
	if err != nil {
		return err
	}
	theirs, ours := halves(o.split)
	if err := pin(theirs); err != nil { // what boots now stays there
		return err
	}
	stage, err := site.NewStage(ctx)
	if err != nil {
		return err
	}
	defer stage.Close()
	s, err := stage.Boot(ctx, site.Options{Nodes: []int{24}, Folders: folders})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := pin(ours); err != nil {
		return err
	}
	on := peers.Stage{Site: s, Watch: watch}
	if err := on.Install(); err != nil {
		return err
	}
	if err := versions(ctx, on, &r.Host); err != nil {
		return err
	}
	say("%s", r.Host)
	return peersInTurn(ctx, o, r, on, say)
}

// versions asks the machine's programs.
func versions(ctx context.Context, s peers.Stage, h *results.Host) error {
	out, err := s.Run(ctx, "sh", "-c", peers.Versions)
	if err != nil {
		return err
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 3 {
		return fmt.Errorf("ask for versions: got %q", out)
	}
	h.Node, h.Systemd, h.Nginx = lines[0], lines[1], strings.TrimPrefix(lines[2], "nginx version: ")
	return nil
}

// peersInTurn makes each measure of each peer, forwards and backwards in turn, so
// that what else the machine does hits all of them. One that fails is reported,
// and the others go on.
func peersInTurn(ctx context.Context, o options, r *results.Results, on peers.Stage, say sayer) error {
	var chosen []peers.Peer
	for _, p := range peers.All(on) {
		if len(o.peers) == 0 || slices.ContainsFunc(o.peers, func(part string) bool {
			return strings.Contains(strings.ToLower(p.Name()), strings.ToLower(part))
		}) {
			chosen = append(chosen, p)
			r.Peers = append(r.Peers, p.Name())
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-peers: none of that name: %s", strings.Join(o.peers, ", "))
	}
	var errs []error
	turn := 0
	for _, m := range measures.All() {
		if !o.wants(m.Name) {
			continue
		}
		rounds := 1
		if m.Rounds != nil {
			rounds = m.Rounds(o.Settings)
		}
		for n := range rounds {
			order := slices.Clone(chosen)
			if turn++; turn%2 == 0 {
				slices.Reverse(order)
			}
			for _, p := range order {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				say("%s, round %d of %d: %s", m.Name, n+1, rounds, p.Name())
				err := m.Run(ctx, &measures.Round{Stage: on, Settings: o.Settings, Peer: p, Measure: m.Name, Number: n + 1, Results: r,
					Say: func(what string) { say("%s: %s: %s", m.Name, p.Name(), what) }})
				if err == nil {
					continue
				}
				err = fmt.Errorf("measure %s of %s: %w", m.Name, p.Name(), err)
				say("error: %v", err)
				errs = append(errs, err)
				if err := on.Clear(ctx, p); err != nil {
					return errors.Join(append(errs, err)...)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// file has all figures.
const file = "results.json"

// save writes the figures.
func save(folder string, r *results.Results) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return r.Write(filepath.Join(folder, file))
}
