# What gopm is built, installed and tested with. `make help` lists it.

PREFIX ?= /usr
DESTDIR ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# How long each fuzz target runs.
FUZZRUNS ?= 100000
# Where the programs are built, and the packages.
BIN ?= bin
DIST ?= dist

# Only root can boot a systemd.
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo env 'PATH=$(PATH)')

# The commands in a recipe are one script, and its first failure ends it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
# Tests that put load on the machine have it to themselves.
.NOTPARALLEL:
.PHONY: help build install packages test unit scenarios fuzz lint demo bench readme prepare clean
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build the programs into bin/
	@CGO_ENABLED=0 GOARCH=$(GOARCH) go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o '$(BIN)/' ./cmd/...

PROGRAMS := $(wildcard cmd/*)
USER_UNITS := $(wildcard units/user/*.service units/user/*.socket)
MAN5 := $(wildcard packaging/man/*.5)

# The list of what gopm puts on a machine. The tests' machine, the demo's and the
# packages are made by this target too.
install: build ## install below DESTDIR, PREFIX (/usr)
	@install -D -m 755 -t '$(DESTDIR)$(PREFIX)/bin' $(PROGRAMS:cmd/%='$(BIN)/%')
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/lib/gopm' activator/agent/*.cjs
	install -D -m 755 -t '$(DESTDIR)$(PREFIX)/lib/gopm' packaging/scripts/app-package
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/lib/systemd/system' units/*.service units/*.socket
	$(if $(USER_UNITS),install -D -m 644 -t '$(DESTDIR)$(PREFIX)/lib/systemd/user' $(USER_UNITS))
	# The same binary turns the files of /etc/gopm into units at boot.
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system-generators'
	ln -sfn ../../../bin/gopm-gen '$(DESTDIR)$(PREFIX)/lib/systemd/system-generators/gopm-generator'
	install -d '$(DESTDIR)/etc/gopm'
	for file in packaging/completions/*.bash; do
		install -D -m 644 "$$file" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$(basename "$$file" .bash)"
	done
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/zsh/site-functions' packaging/completions/_*
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d' packaging/completions/*.fish
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man1' packaging/man/*.1
	$(if $(MAN5),install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man5' $(MAN5))
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man8' packaging/man/*.8

packages: ## build .deb and .rpm below dist/, for amd64 and arm64
	@packaging/build '$(DIST)'

prepare: ## install what the tests and the demo need
	@test/prepare

test: FUZZRUNS := 5000
test: lint unit fuzz scenarios ## everything, from a clean checkout
	@echo 'everything passed'

lint: prepare ## gofmt, go vet, staticcheck
	@badly=$$(gofmt -l .)
	if [ -n "$$badly" ]; then printf 'run gofmt on:\n%s\n' "$$badly"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# test/ needs a machine of its own; see scenarios.
unit: prepare ## the tests of the packages
	@$(AS_ROOT) go test -race $$(go list ./... | grep -v '/test$$')

scenarios: prepare ## the tests under a booted systemd
	@$(AS_ROOT) go test -v -count=1 -timeout=80m ./test 2>&1 | test/failures

fuzz: ## each fuzz target, FUZZRUNS times
	@test/fuzz $(FUZZRUNS)

demo: prepare ## convert examples/my-api and reload it under load, in a minute
	@CGO_ENABLED=0 go build -buildvcs=false -o bin/demo ./test/demo
	$(AS_ROOT) bin/demo

# Parts of it: bin/bench -out bench -keep -only reload,killed -rounds 5
bench: prepare ## gopm beside PM2, node:cluster, nginx and the limit; writes bench/
	@CGO_ENABLED=0 go build -buildvcs=false -o bin/bench ./test/bench
	$(AS_ROOT) bin/bench -out bench

readme: ## put the tables of bench/ into README.md and bench/README.md
	@go run ./test/bench -out bench -readme README.md
	go run ./test/bench -out bench -readme bench/README.md

clean: ## remove what was built
	@rm -rf bin dist
