package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

// A step is done under load. It says what happened, or why that's wrong.
type step struct {
	name string
	do   func(ctx context.Context, s *site.Site) (happened string, err error)
}

func steps() []step {
	return []step{
		{"reload", reload},
		{"reload again", reload},
		{"kill -9 of the activator", kill},
		{"reload to a release that throws", reloadBroken},
		{"reload to a good release", reloadGood},
	}
}

func reload(ctx context.Context, s *site.Site) (string, error) {
	old, err := s.PIDs()
	if err != nil {
		return "", err
	}
	if err := s.Reload(ctx); err != nil {
		return "", err
	}
	now, err := s.PIDs()
	if err != nil {
		return "", err
	}
	if len(now) != len(old) {
		return "", fmt.Errorf("workers were %v and are %v", old, now)
	}
	for unit, pid := range now {
		if old[unit] == pid {
			return "", fmt.Errorf("%s is still process %d", unit, pid)
		}
	}
	return "all " + workers(len(now)) + " are new", nil
}

func kill(ctx context.Context, s *site.Site) (string, error) {
	old, err := s.PIDs()
	if err != nil {
		return "", err
	}
	killed, err := s.MainPID(ctx, site.Activator)
	if err != nil {
		return "", err
	}
	if err := s.Kill(ctx, site.Activator, "KILL"); err != nil {
		return "", err
	}
	if err := restarted(ctx, s, killed); err != nil {
		return "", err
	}
	now, err := s.PIDs()
	if err != nil {
		return "", err
	}
	if !maps.Equal(now, old) {
		return "", fmt.Errorf("workers were %v and are %v", old, now)
	}
	return "systemd restarted it, the workers kept their process ids", nil
}

// restarted waits until there is a ready activator that isn't the killed one.
func restarted(ctx context.Context, s *site.Site, killed int) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		pid, err := s.MainPID(ctx, site.Activator)
		if err != nil {
			return err
		}
		state, err := s.Property(ctx, site.Activator, "ActiveState")
		if err != nil {
			return err
		}
		if pid != 0 && pid != killed && state == "active" {
			return nil
		}
	}
}

func reloadBroken(ctx context.Context, s *site.Site) (string, error) {
	if err := s.Deploy(site.Broken); err != nil {
		return "", err
	}
	old, err := s.PIDs()
	if err != nil {
		return "", err
	}
	said, err := s.Run(ctx, "gopm-activator", "reload", "my-api")
	if err == nil {
		return "", fmt.Errorf("the reload wasn't aborted: %s", said)
	}
	now, err := s.PIDs()
	if err != nil {
		return "", err
	}
	if !maps.Equal(now, old) {
		return "", fmt.Errorf("workers were %v and are %v", old, now)
	}
	status, err := s.Property(ctx, site.Activator, "StatusText")
	if err != nil {
		return "", err
	}
	if !strings.Contains(status, "aborted") {
		return "", fmt.Errorf("systemctl status says nothing of the aborted reload, but %q", status)
	}
	return "aborted, the old workers serve on", nil
}

func reloadGood(ctx context.Context, s *site.Site) (string, error) {
	if err := s.Deploy(site.Good); err != nil {
		return "", err
	}
	return reload(ctx, s)
}

// shortest is how long the load of a step lasts at least: a step that is done
// in a moment is to be seen under more than a handful of requests.
const shortest = 2 * time.Second

// perform does a step under all loads.
func perform(ctx context.Context, s *site.Site, step step) (outcome, error) {
	o := outcome{step: step.name}
	var running []*load.Running
	for _, profile := range load.Profiles() {
		wrk, err := s.Wrk(profile).Start(ctx)
		if err != nil {
			return o, err
		}
		running = append(running, wrk)
	}
	least := time.After(shortest)
	begun := time.Now()
	var err error
	o.happened, err = step.do(ctx, s)
	o.took = time.Since(begun)
	if err == nil {
		select {
		case <-least:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	for _, wrk := range running {
		result, stopErr := wrk.Stop()
		err = errors.Join(err, stopErr)
		o.results = append(o.results, result)
	}
	return o, err
}
