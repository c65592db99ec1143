#!/bin/sh
# For .deb and .rpm alike: on a machine where gopm is new nothing is loaded, and
# try-restart does nothing.
set -e

if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload || true
	# The workers go on: their channels and listeners wait in systemd's
	# descriptor store for the new activator.
	case "$1" in
	configure | [1-9]*)
		# Debian's honours policy-rc.d.
		invoke=$(command -v deb-systemd-invoke || echo systemctl)
		"$invoke" try-restart 'gopm-activator@*.service' || true
		;;
	esac
fi
